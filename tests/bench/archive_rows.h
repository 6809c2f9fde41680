// An index as after a month, made inside PostgreSQL: rows of segments, hours and days of the timeline, gaps.
#pragma once

#include <chrono>
#include <string>

#include "ccoc/base/result.h"
#include "ccoc/base/time.h"

namespace ccoc::db {
class Database;
}

namespace ccoc::bench {

/// Cameras with their main stream in files of a minute, every one of them on [from, to) but for a minute a day.
struct RowPlan {
  int cameras = 1000;
  int days = 30;
  UtcTime to;  ///< 00:00 UTC
  UtcTime from() const { return to - std::chrono::hours{24} * days; }
  /// How long after the minute the camera's files begin.
  Duration late(int number) const { return std::chrono::milliseconds{number * 37 % 1900}; }
  /// The hour of the day (UTC) whose minute 30 is missing.
  int gap_hour(int number, UtcTime day) const;
  std::string camera(int number) const;  ///< 1 … cameras: "cam01", "cam0001"
};

/// Into a migrated database. As large as it is asked for: 43 million rows take ten minutes.
Status make_rows(db::Database& database, const RowPlan& plan);

}  // namespace ccoc::bench
