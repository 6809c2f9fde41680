// `segments` by weeks: makes the partitions that rows need before they come, drops those that are empty, and says which weeks a
// question about some files concerns.
#pragma once

#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "ccoc/archive/segment_store.h"
#include "ccoc/db/row.h"

namespace ccoc::db {
class Database;
class Transaction;
}  // namespace ccoc::db

namespace ccoc::archive {

/// Rows of certain files have their starts_at in [from, to). Wide open when that cannot be told.
class StartWindow {
 public:
  /// Of a file by its path, which names its day; a day more on both sides.
  void add(const std::string& path);
  void add(const Segment& segment);
  /// For a statement's `starts_at >= $n` and `starts_at < $n + 1`.
  db::Param from() const;
  db::Param to() const;

 private:
  void add(UtcTime from, UtcTime to);
  std::optional<UtcTime> from_, to_;
  bool open_ = false;
};

/// Thread-safe.
class SegmentPartitions {
 public:
  explicit SegmentPartitions(db::Database& database) : database_(database) {}

  /// There is a partition for each of these rows, and for what follows the newest of them for a week.
  Status make_for(std::span<const Segment> segments);
  Status make_for(db::Transaction& transaction, std::span<const Segment> segments);
  /// The same for `now`; then drops what ended a day ago or more and is empty.
  Status tidy(UtcTime now);
  /// What is known of partitions may be wrong: a row found none.
  void forget();

 private:
  /// Numbers of the weeks that are not known to have one.
  std::set<std::int64_t> missing(std::span<const Segment> segments);
  void remember(const std::set<std::int64_t>& weeks);

  db::Database& database_;
  std::mutex mutex_;
  std::set<std::int64_t> known_;
};

}  // namespace ccoc::archive
