#include "day_sums.h"

#include <set>

#include "ccoc/db/database.h"

namespace ccoc::archive {
namespace {

using Days = std::chrono::duration<std::int64_t, std::ratio<86400>>;

/// The next day with rows; one index probe.
constexpr auto next_start = "select starts_at from segments where starts_at >= $1 order by starts_at limit 1";
constexpr auto sum_of_day =
    "select volume, sum(bytes)::bigint from segments where closed and starts_at >= $1 and starts_at < $2 group by volume";

}  // namespace

void DaySums::changed(UtcTime start) {
  const std::lock_guard lock(mutex_);
  // A file's start that is read from the file may differ from the one in its row by a tick, and so by a day.
  for (const auto near : {start - std::chrono::seconds{1}, start + std::chrono::seconds{1}}) {
    const auto day = std::chrono::floor<Days>(near.time_since_epoch()).count();
    known_.erase(day);
    if (reading_ == day) reading_.reset();
  }
}

Result<DaySums::Sums> DaySums::total() {
  const std::lock_guard one_at_a_time(counting_);
  Sums all;
  db::Param from("-infinity");
  for (std::set<std::int64_t> seen;;) {
    const auto next = database_.query(next_start, {from});
    if (!next) return std::unexpected(next.error());
    if (next->empty()) {
      const std::lock_guard lock(mutex_);
      std::erase_if(known_, [&](const auto& day) { return !seen.contains(day.first); });
      return all;
    }
    const auto day = std::chrono::floor<Days>((*next)[0].utc(0).time_since_epoch()).count();
    seen.insert(day);
    const UtcTime begin{Days{day}}, end{Days{day + 1}};
    from = db::Param(end);
    {
      const std::lock_guard lock(mutex_);
      if (const auto it = known_.find(day); it != known_.end()) {
        for (const auto& [volume, bytes] : it->second) all[volume] += bytes;
        continue;
      }
      reading_ = day;
    }
    const auto rows = database_.query(sum_of_day, {begin, end});
    if (!rows) return std::unexpected(rows.error());
    Sums sums;
    for (const auto& row : *rows) sums[row.text(0)] = static_cast<std::uint64_t>(row.i64(1));
    for (const auto& [volume, bytes] : sums) all[volume] += bytes;
    const std::lock_guard lock(mutex_);
    if (reading_ == day) known_[day] = std::move(sums);
    reading_.reset();
  }
}

}  // namespace ccoc::archive
