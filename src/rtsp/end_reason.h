// Why sessions end, from what the connection says. Private to rtsp.
#pragma once

#include "ccoc/rtsp/client.h"

namespace ccoc::rtsp {

/// `was_connected`: the dialogue had begun.
EndReason reason_of_close(const Error& error, bool was_connected);

}  // namespace ccoc::rtsp
