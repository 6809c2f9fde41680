#include "timeline_hours.h"

#include <charconv>

#include "json_text.h"

namespace ccoc::archive {
namespace {

constexpr std::int64_t hour_s = 3600;
constexpr int seconds_a_minute = 60;
/// No file lasts longer; a row that says so is wrong, and must not become a million hours.
constexpr std::int64_t most_hours = 48;

std::vector<std::int64_t> numbers_of(std::string_view text) {
  std::vector<std::int64_t> out;
  for (const char* at = text.data(); at < text.data() + text.size();) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(at, text.data() + text.size(), value);
    if (error != std::errc{}) break;
    out.push_back(value);
    at = end + 1;
  }
  return out;
}

}  // namespace

void touch(TouchedHours& hours, const StreamKey& key, UtcTime start, UtcTime end) {
  const auto hour_of = [](UtcTime t) {
    return std::chrono::floor<std::chrono::hours>(t).time_since_epoch() / std::chrono::seconds{1};
  };
  const auto first = hour_of(start), last = std::min<std::int64_t>(hour_of(end), first + most_hours * hour_s);
  for (auto hour = first; hour <= last; hour += hour_s) hours.emplace(key.camera, key.stream, hour);
}

std::string touched_json(const TouchedHours& hours) {
  JsonRows rows;
  for (const auto& [camera, stream, hour] : hours) {
    rows.begin();
    rows.add("camera", camera);
    rows.add("stream", stream);
    rows.add("hour", hour);
  }
  return rows.text();
}

void add_hour(const db::Row& row, UtcTime from, UtcTime to, std::vector<Span>& spans, ActivityBuckets* activity) {
  const auto hour = row.utc(1);
  const auto edges = numbers_of(row.text(2));
  for (std::size_t i = 0; i + 1 < edges.size(); i += 2) {
    const Span span{hour + Duration{edges[i]}, hour + Duration{edges[i + 1]}};
    if (span.from < to && span.to > from) spans.push_back(span);
  }
  if (activity == nullptr) return;
  const auto peaks = row.bytes(3);
  for (std::size_t minute = 0; minute < peaks.size(); ++minute) {
    activity->add_range(hour + std::chrono::minutes{minute}, std::chrono::seconds{seconds_a_minute}, peaks[minute]);
  }
}

}  // namespace ccoc::archive
