#include "segment_partitions.h"

#include <algorithm>

#include "ccoc/base/log.h"
#include "ccoc/db/database.h"

namespace ccoc::archive {
namespace {

using Weeks = std::chrono::duration<std::int64_t, std::ratio<604800>>;
using Days = std::chrono::duration<std::int64_t, std::ratio<86400>>;

/// 1970 began on a Thursday: the Monday before, as segment_week() counts.
constexpr Duration monday = std::chrono::hours{24 * 3};

constexpr auto make_partitions = "select make_segment_partitions($1, $2)";
constexpr auto drop_empty = "select drop_empty_segment_partitions($1)";

std::int64_t week_of(UtcTime t) { return std::chrono::floor<Weeks>(t.time_since_epoch() + monday).count(); }
UtcTime start_of(std::int64_t week) { return UtcTime{Weeks{week}} - monday; }

/// "cam01/main/2026-11-24/052357Z.mp4" → 2026-11-24T00:00.
std::optional<UtcTime> day_of(const std::string& path) {
  const auto stream = path.find('/');
  const auto day = stream == std::string::npos ? stream : path.find('/', stream + 1);
  if (day == std::string::npos || path.find('/', day + 1) != day + 11) return std::nullopt;
  const auto parsed = parse_rfc3339(path.substr(day + 1, 10) + "T00:00:00.000Z");
  return parsed ? std::optional(*parsed) : std::nullopt;
}

}  // namespace

void StartWindow::add(UtcTime from, UtcTime to) {
  from_ = std::min(from_.value_or(from), from);
  to_ = std::max(to_.value_or(to), to);
}

void StartWindow::add(const std::string& path) {
  if (const auto day = day_of(path)) {
    add(*day - Days{1}, *day + Days{2});
  } else {
    open_ = true;
  }
}

void StartWindow::add(const Segment& segment) {
  add(segment.path);
  add(segment.start - Days{1}, segment.start + Days{1});
}

db::Param StartWindow::from() const { return open_ || !from_ ? db::Param("-infinity") : db::Param(*from_); }
db::Param StartWindow::to() const { return open_ || !to_ ? db::Param("infinity") : db::Param(*to_); }

std::set<std::int64_t> SegmentPartitions::missing(std::span<const Segment> segments) {
  std::set<std::int64_t> weeks;
  for (const auto& segment : segments) weeks.insert(week_of(segment.start));
  if (!weeks.empty()) weeks.insert(*weeks.rbegin() + 1);
  const std::lock_guard lock(mutex_);
  std::erase_if(weeks, [&](std::int64_t week) { return known_.contains(week); });
  return weeks;
}

void SegmentPartitions::remember(const std::set<std::int64_t>& weeks) {
  const std::lock_guard lock(mutex_);
  known_.insert(weeks.begin(), weeks.end());
}

Status SegmentPartitions::make_for(std::span<const Segment> segments) {
  const auto weeks = missing(segments);
  for (const auto week : weeks) {
    const auto made = database_.query(make_partitions, {start_of(week), start_of(week)});
    if (!made) return std::unexpected(made.error());
  }
  remember(weeks);
  return {};
}

Status SegmentPartitions::make_for(db::Transaction& transaction, std::span<const Segment> segments) {
  for (const auto week : missing(segments)) {
    const auto made = transaction.query(make_partitions, {start_of(week), start_of(week)});
    if (!made) return std::unexpected(made.error());
  }
  return {};
}

Status SegmentPartitions::tidy(UtcTime now) {
  Segment at_this_moment;
  at_this_moment.start = now;
  if (auto made = make_for(std::span(&at_this_moment, 1)); !made) return made;
  const auto dropped = database_.query(drop_empty, {now - Days{1}});
  if (!dropped) return std::unexpected(dropped.error());
  if (const auto count = (*dropped)[0].i64(0); count > 0) {
    log::info("archive", "{} weeks of the index were empty and are dropped", count);
    forget();
  }
  return {};
}

void SegmentPartitions::forget() {
  const std::lock_guard lock(mutex_);
  known_.clear();
}

}  // namespace ccoc::archive
