#include "ccoc/registry/clock_history.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace ccoc::registry {
namespace {

using std::chrono::hours;

constexpr Duration kept_every = hours{1};
constexpr std::int64_t news_ms = 500;
constexpr Duration kept_for = hours{24 * 400};
constexpr Duration shortest_for_drift = hours{1};
/// No quartz runs so wrong: between two readings somebody, or the network, set the clock.
constexpr double impossible_ppm = 2000;
constexpr double jump_ms = 500;

constexpr std::string_view insert_sql =
    "insert into clock_offsets (camera_id, stream, at, offset_ms) select id, $2, $3, $4 from cameras where id = $1 "
    "on conflict do nothing";
constexpr std::string_view select_sql =
    "select at, offset_ms from clock_offsets where camera_id = $1 and stream = $2 and at >= $3 and at < $4 "
    "order by at desc limit $5";
constexpr std::string_view tidy_sql = "delete from clock_offsets where at < $1";

double seconds_between(const ClockReading& a, const ClockReading& b) { return static_cast<double>((b.at - a.at).count()) / 1e6; }

bool was_set_between(const ClockReading& a, const ClockReading& b) {
  const double change_ms = std::abs(static_cast<double>(b.offset_ms - a.offset_ms));
  return change_ms > jump_ms + seconds_between(a, b) * impossible_ppm / 1000;
}

}  // namespace

Status ClockHistory::note(const std::string& camera, const std::string& stream, const ClockReading& reading) {
  {
    const std::lock_guard lock(mutex_);
    const auto last = kept_.find({camera, stream});
    const bool news = last == kept_.end() || reading.at - last->second.at >= kept_every || reading.at < last->second.at ||
                      std::abs(reading.offset_ms - last->second.offset_ms) >= news_ms;
    if (!news) return {};
  }
  const auto done = database_.execute(insert_sql, {camera, stream, reading.at, reading.offset_ms});
  if (!done) return std::unexpected(done.error());
  const std::lock_guard lock(mutex_);
  kept_[{camera, stream}] = reading;
  return {};
}

Result<std::vector<ClockReading>> ClockHistory::read(const std::string& camera, const std::string& stream, UtcTime from, UtcTime to,
                                                     int limit) const {
  const auto rows = database_.query(select_sql, {camera, stream, from, to, limit});
  if (!rows) return std::unexpected(rows.error());
  std::vector<ClockReading> out;
  for (const auto& row : *rows) out.push_back({row.utc(0), row.i64(1)});
  std::ranges::reverse(out);
  return out;
}

Status ClockHistory::tidy(UtcTime now) {
  const auto done = database_.execute(tidy_sql, {now - kept_for});
  if (!done) return std::unexpected(done.error());
  return {};
}

std::optional<double> drift_ppm(const std::vector<ClockReading>& readings) {
  std::size_t first = 0;
  for (std::size_t i = 1; i < readings.size(); ++i) {
    if (was_set_between(readings[i - 1], readings[i])) first = i;
  }
  if (readings.empty() || readings.back().at - readings[first].at < shortest_for_drift) return std::nullopt;
  const auto count = static_cast<double>(readings.size() - first);
  double mean_s = 0, mean_ms = 0;
  for (std::size_t i = first; i < readings.size(); ++i) {
    mean_s += seconds_between(readings[first], readings[i]) / count;
    mean_ms += static_cast<double>(readings[i].offset_ms - readings[first].offset_ms) / count;
  }
  double product = 0, square = 0;
  for (std::size_t i = first; i < readings.size(); ++i) {
    const double s = seconds_between(readings[first], readings[i]) - mean_s;
    product += s * (static_cast<double>(readings[i].offset_ms - readings[first].offset_ms) - mean_ms);
    square += s * s;
  }
  if (square <= 0) return std::nullopt;
  return product / square * 1000;
}

}  // namespace ccoc::registry
