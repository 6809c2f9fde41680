// Where something moved in a camera's pictures, and when. Thread-safe; calls block on the database.
#pragma once

#include <bitset>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "ccoc/db/database.h"

namespace ccoc::registry {

/// 16 × 9 cells, row by row from the upper left.
using MotionArea = std::bitset<144>;

struct MotionSpan {
  UtcTime from;
  UtcTime to;
  std::size_t cells = 0;  ///< of the area, that moved in it at any time
  friend bool operator==(const MotionSpan&, const MotionSpan&) = default;
};

class MotionHistory {
 public:
  explicit MotionHistory(db::Database& database) : database_(database) {}

  /// Does not block: kept until flush(). Beyond some minutes of a database that is away the oldest are given up.
  void note(const std::string& camera, UtcTime at, const MotionArea& cells);
  Status flush();
  /// When something moved in `area` within [from, to), to the second; seconds less than `join` apart are one span. At most
  /// `limit`, the first ones.
  Result<std::vector<MotionSpan>> find(const std::string& camera, UtcTime from, UtcTime to, const MotionArea& area, Duration join,
                                       std::size_t limit) const;
  /// The cameras there is something of.
  Result<std::vector<std::string>> cameras() const;
  Status forget(const std::string& camera, UtcTime before);

 private:
  db::Database& database_;
  std::mutex mutex_;
  std::map<std::pair<std::string, UtcTime>, Bytes> pending_;  ///< by camera and minute
};

/// The cells that a rectangle touches; all of its numbers 0 to 1, from the upper left. Nothing when it is empty.
MotionArea motion_area(double x, double y, double width, double height);

}  // namespace ccoc::registry
