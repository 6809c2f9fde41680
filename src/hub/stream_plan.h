// From the registry's camera to the ingest's streams. Private to the hub.
#pragma once

#include <vector>

#include "ccoc/base/config.h"
#include "ccoc/ingest/ingest.h"
#include "ccoc/registry/registry.h"

namespace ccoc::hub {

std::vector<ingest::StreamConfig> streams_of(const registry::Camera& camera, const std::vector<registry::StreamSource>& sources,
                                             const IngestConfig& config);

}  // namespace ccoc::hub
