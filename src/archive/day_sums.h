// Bytes of footage by volume without reading every row again: sums by days, made anew only for days that changed.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "ccoc/archive/segment_store.h"

namespace ccoc::db {
class Database;
}

namespace ccoc::archive {

/// Thread-safe.
class DaySums {
 public:
  explicit DaySums(db::Database& database) : database_(database) {}

  /// Bytes of closed segments by volume. The first call reads every row, a day at a time.
  Result<std::map<std::string, std::uint64_t>> total();
  /// Rows that begin at `start` may have been made, changed or removed just now.
  void changed(UtcTime start);

 private:
  using Sums = std::map<std::string, std::uint64_t>;

  db::Database& database_;
  std::mutex counting_;  ///< one total() at a time
  std::mutex mutex_;
  std::map<std::int64_t, Sums> known_;   ///< by day since 1970
  std::optional<std::int64_t> reading_;  ///< the day that is summed now; empty again when it changes
};

}  // namespace ccoc::archive
