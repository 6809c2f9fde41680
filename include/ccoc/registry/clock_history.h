// How each camera's clock stood against the hub's, over the months: for whoever must match what a camera wrote into its
// picture with the time on the timeline, and for whoever has to set its clock right. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ccoc/db/database.h"

namespace ccoc::registry {

struct ClockReading {
  UtcTime at;                  ///< the hub's clock
  std::int64_t offset_ms = 0;  ///< the camera's clock minus the hub's
  friend bool operator==(const ClockReading&, const ClockReading&) = default;
};

class ClockHistory {
 public:
  explicit ClockHistory(db::Database& database) : database_(database) {}

  /// Keeps the reading when it tells something: the first since the start, one an hour after the last kept, or one that
  /// differs from that by 500 ms and more. Blocks (database) only then.
  Status note(const std::string& camera, const std::string& stream, const ClockReading& reading);
  /// In time order, the newest `limit` of [from, to).
  Result<std::vector<ClockReading>> read(const std::string& camera, const std::string& stream, UtcTime from, UtcTime to, int limit) const;
  /// Forgets what is older than 400 days. Blocks.
  Status tidy(UtcTime now);

 private:
  db::Database& database_;
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, ClockReading> kept_;
};

/// How fast the camera's clock runs away, in parts per million (ms of offset per 1000 s); by least squares over the readings,
/// in time order, since somebody set the clock last. Nothing from less than an hour.
std::optional<double> drift_ppm(const std::vector<ClockReading>& readings);

}  // namespace ccoc::registry
