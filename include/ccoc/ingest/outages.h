// Losses that have one cause: cameras that went away together and share something. Pure.
#pragma once

#include <string>
#include <vector>

#include "ccoc/base/time.h"
#include "ccoc/ingest/status.h"
#include "ccoc/registry/camera.h"

namespace ccoc::ingest {

struct Outage {
  enum class Shared { everything, network, owner };
  Shared shared = Shared::everything;
  std::string name;                  ///< of the network ("10.1.2.0/24") or the owner; empty for everything
  UtcTime since;                     ///< when the first of them went
  std::vector<std::string> cameras;  ///< ids, sorted
};
std::string_view to_string(Outage::Shared shared);  ///< "everything", "network", "owner"

/// Groups of at least three switched-on cameras of which at least nine in ten are not live, and of those that are away most
/// went within 30 s of each other. Larger groups first; a camera is named in one group only. Networks are /24 (IPv4)
/// or /64 (IPv6) of addresses that are written as numbers. `statuses`: of the main streams.
std::vector<Outage> find_outages(const std::vector<registry::Camera>& cameras, const std::vector<StreamStatus>& statuses);

}  // namespace ccoc::ingest
