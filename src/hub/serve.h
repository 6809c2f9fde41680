// `ccoc serve`: runs a hub until SIGTERM or SIGINT.
#pragma once

#include "ccoc/base/config.h"

namespace ccoc::hub {

int serve(const Config& config);

}  // namespace ccoc::hub
