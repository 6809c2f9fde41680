#include "timeline_hours.h"

#include "ccoc/db/database.h"
#include "json_text.h"

namespace ccoc::archive {
namespace {

constexpr std::int64_t hour_s = 3600;
/// No file lasts longer; a row that says so is wrong, and must not become a million hours.
constexpr std::int64_t most_hours = 48;

/// Up to here the levels of every second are read.
constexpr Duration longest_by_seconds = std::chrono::hours{3};
/// And up to so many rows of hours those of every minute; then of five minutes, by days.
constexpr std::int64_t most_hour_rows = 2000;

/// A statement has fifteen seconds; on a busy machine an hour of sixty files takes it a few milliseconds.
constexpr std::size_t hours_per_statement = 250;
constexpr auto fill_hours = "select fill_timeline_hours($1::json)";

// Of the levels of seconds only those in the range: what is outside is neither read nor sent.
constexpr auto hours_in_range = R"(
select t.camera, t.hour, t.spans,
       case when $5::text = 'seconds' then substr(t.levels, 1 + cut.first, cut.last - cut.first) end,
       case when $5 = 'peaks' or $5 = 'seconds' and length(t.levels) = 0 then t.peaks end, cut.first
from json_array_elements_text($1::json) as w(camera), timeline_hours t,
  lateral (select greatest(0, floor(extract(epoch from $3 - t.hour))::integer) as first,
                  least(3600, ceil(extract(epoch from $4 - t.hour))::integer) as last) cut
where t.camera = w.camera and t.stream = $2 and t.hour > $3::timestamptz - interval '1 hour' and t.hour < $4
order by t.camera, t.hour)";
// Camera by camera (`offset 0`): joined at once, the planner reads the days of all.
constexpr auto days_in_range = R"(
select t.camera, t.day::timestamp at time zone 'UTC', t.spans, null::bytea,
       case when $5::text = 'peaks' then t.peaks end, 0
from json_array_elements_text($1::json) as w(camera), lateral (
  select * from timeline_days d
  where d.camera = w.camera and d.stream = $2 and d.day >= ($3::timestamptz at time zone 'UTC')::date
    and d.day <= ($4::timestamptz at time zone 'UTC')::date
  order by d.day offset 0) t)";

/// A row of (camera, begin of the hour or day, spans, levels of seconds, or else of each `step`, the second in
/// the hour of the first level): its spans that overlap [from, to), and its levels.
void add_row(const db::Row& row, UtcTime from, UtcTime to, std::vector<Span>& spans, ActivityBuckets* activity, Duration step) {
  const auto begin = row.utc(1);
  const auto edges = row.i64s(2);
  for (std::size_t i = 0; i + 1 < edges.size(); i += 2) {
    const Span span{begin + Duration{edges[i]}, begin + Duration{edges[i + 1]}};
    if (span.from < to && span.to > from) spans.push_back(span);
  }
  if (activity == nullptr) return;
  activity->add_steps(begin + std::chrono::seconds{row.i64(5)}, std::chrono::seconds{1}, row.byte_view(3));
  activity->add_steps(begin, step, row.byte_view(4));
}

}  // namespace

void touch(TouchedHours& hours, const StreamKey& key, UtcTime start, UtcTime end) {
  const auto hour_of = [](UtcTime t) { return std::chrono::floor<std::chrono::hours>(t).time_since_epoch() / std::chrono::seconds{1}; };
  const auto first = hour_of(start), last = std::min<std::int64_t>(hour_of(end), first + most_hours * hour_s);
  for (auto hour = first; hour <= last; hour += hour_s) hours.emplace(key.camera, key.stream, hour);
}

Status fill_timeline(db::Transaction& transaction, const TouchedHours& hours) {
  for (auto at = hours.begin(); at != hours.end();) {
    JsonRows rows;
    for (std::size_t i = 0; i < hours_per_statement && at != hours.end(); ++i, ++at) {
      const auto& [camera, stream, hour] = *at;
      rows.begin();
      rows.add("camera", camera);
      rows.add("stream", stream);
      rows.add("hour", hour);
    }
    if (const auto filled = transaction.query(fill_hours, {rows.text()}); !filled) return std::unexpected(filled.error());
  }
  return {};
}

Result<std::map<std::string, StoredTimeline>> read_timeline(db::Database& database, std::span<const std::string> cameras,
                                                            const std::string& stream, UtcTime from, UtcTime to, unsigned buckets) {
  const auto hours = std::chrono::ceil<std::chrono::hours>(to - from).count() + 1;
  const bool by_seconds = to - from <= longest_by_seconds;
  const bool by_hours = by_seconds || hours * static_cast<std::int64_t>(cameras.size()) <= most_hour_rows;
  const Duration step = std::chrono::minutes{by_hours ? 1 : 5};
  const auto* levels = buckets == 0 ? "none" : by_seconds ? "seconds" : "peaks";
  const auto rows =
      database.query(by_hours ? hours_in_range : days_in_range, {json_texts(cameras), stream, from, to, levels}, db::RowFormat::binary);
  if (!rows) return std::unexpected(rows.error());
  std::map<std::string, StoredTimeline> found;
  for (const auto& row : *rows) {
    auto& timeline = found[row.text(0)];
    if (buckets > 0 && !timeline.activity) timeline.activity.emplace(from, to, buckets);
    add_row(row, from, to, timeline.spans, buckets == 0 ? nullptr : &*timeline.activity, step);
  }
  return found;
}

}  // namespace ccoc::archive
