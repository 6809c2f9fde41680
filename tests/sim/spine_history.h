// One seeded history of the spine: cameras that misbehave, an archive on a model disk that fails, an index that
// goes away, a hub that is killed. Afterwards what was kept is compared with what was received.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ccoc/base/time.h"

namespace ccoc::sim {

struct HistoryPlan {
  std::uint64_t seed = 1;
  int cameras = 8;
  Duration length = std::chrono::minutes{10};
  int disks = 1;  ///< volumes; a disk fault concerns one of them
  double camera_faults_per_hour = 30;
  double hub_kills_per_hour = 6;
  double disk_faults_per_hour = 4;
  double index_outages_per_hour = 4;
};

struct HistoryResult {
  std::vector<std::string> broken;  ///< invariants that did not hold, in words
  std::uint64_t fingerprint = 0;    ///< of the world's events and the archive's bytes
  std::uint64_t units_received = 0;
  std::uint64_t units_kept = 0;
  std::uint64_t camera_faults = 0;
  int hub_kills = 0;
  int disk_faults = 0;
  int index_outages = 0;
  Duration accounted{0};  ///< of all cameras: time that is footage or a gap with its cause
};

HistoryResult run_history(const HistoryPlan& plan);

}  // namespace ccoc::sim
