#include "ccoc/archive/segment_store.h"

#include <algorithm>

#include "ccoc/db/database.h"
#include "json_text.h"
#include "sql_rows.h"
#include "timeline_hours.h"

namespace ccoc::archive {
namespace {

constexpr auto upsert_segments = R"(
insert into segments (volume, path, camera, stream, starts_at, ends_at, bytes, run, closed, activity, activity_peak)
select volume, path, camera, stream, timestamptz 'epoch' + from_us * interval '1 microsecond',
       timestamptz 'epoch' + to_us * interval '1 microsecond', bytes, run, closed,
       decode(activity, 'hex'), activity_peak
from json_to_recordset($1::json)
  as x(volume text, path text, camera text, stream text, from_us bigint, to_us bigint, bytes bigint, run bigint,
       closed boolean, activity text, activity_peak smallint)
on conflict (volume, path) do update
set camera = excluded.camera, stream = excluded.stream, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
    bytes = excluded.bytes, run = excluded.run, closed = excluded.closed,
    activity = excluded.activity, activity_peak = excluded.activity_peak)";

constexpr auto delete_segments = R"(
delete from segments s using json_to_recordset($1::json) as x(volume text, path text)
where s.volume = x.volume and s.path = x.path
returning s.camera, s.stream, s.starts_at, s.ends_at)";

constexpr auto upsert_gaps = R"(
insert into gaps (camera, stream, starts_at, ends_at, cause, reason)
select camera, stream, timestamptz 'epoch' + from_us * interval '1 microsecond',
       timestamptz 'epoch' + to_us * interval '1 microsecond', cause, reason
from json_to_recordset($1::json)
  as x(camera text, stream text, from_us bigint, to_us bigint, cause text, reason text)
on conflict (camera, stream, starts_at) do update set ends_at = coalesce(excluded.ends_at, gaps.ends_at))";

#define CCOC_SEGMENT_COLUMNS "volume, path, camera, stream, starts_at, ends_at, bytes, run, closed"

// Files of one stream follow each other: of those that began before $3 only the last can reach into the range.
constexpr auto find_segments = "select " CCOC_SEGMENT_COLUMNS R"( from segments
where camera = $1 and stream = $2 and closed and starts_at < $4 and ends_at > $3
  and starts_at >= coalesce((select max(starts_at) from segments where camera = $1 and stream = $2 and closed and starts_at <= $3), $3)
order by starts_at)";

constexpr auto find_at = "select " CCOC_SEGMENT_COLUMNS R"( from segments
where camera = $1 and stream = $2 and closed and ends_at > $3
  and starts_at >= coalesce((select max(starts_at) from segments where camera = $1 and stream = $2 and closed and starts_at <= $3), $3)
order by starts_at limit 1)";

constexpr auto find_before = "select " CCOC_SEGMENT_COLUMNS R"( from segments
where camera = $1 and stream = $2 and closed and starts_at < $3 order by starts_at desc limit 1)";

constexpr auto find_gaps = R"(
select camera, stream, starts_at, ends_at, cause, reason from gaps
where camera = $1 and stream = $2 and starts_at < $4 and (ends_at > $3 or ends_at is null) order by starts_at)";

constexpr auto find_extent = R"(
select (select starts_at from segments where camera = $1 and stream = $2 and closed order by starts_at limit 1),
       (select ends_at from segments where camera = $1 and stream = $2 and closed order by starts_at desc limit 1))";

constexpr auto hours_in_range = R"(
select t.camera, t.hour, array_to_string(t.spans, ' '), t.peaks
from json_array_elements_text($1::json) as w(camera), timeline_hours t
where t.camera = w.camera and t.stream = $2 and t.hour > $3::timestamptz - interval '1 hour' and t.hour < $4
order by t.camera, t.hour)";

constexpr auto fill_hours = "select fill_timeline_hours($1::json)";
constexpr auto fill_all_hours = "select fill_all_timeline_hours()";

constexpr auto levels_of_files = R"(
select w.camera, f.starts_at, f.activity
from json_array_elements_text($1::json) as w(camera), lateral (
  select starts_at, activity from segments s
  where s.camera = w.camera and s.stream = $2 and s.closed and s.starts_at < $4 and s.ends_at > $3
    and s.starts_at >= coalesce((select max(starts_at) from segments m
          where m.camera = w.camera and m.stream = $2 and m.closed and m.starts_at <= $3), $3)) f)";

/// Up to here the levels of every second are read.
constexpr Duration longest_by_seconds = std::chrono::hours{3};

constexpr auto timeline_gaps = R"(
select g.camera, g.stream, g.starts_at, g.ends_at, g.cause, g.reason
from json_array_elements_text($1::json) as w(camera), gaps g
where g.camera = w.camera and g.stream = $2 and g.starts_at < $4 and (g.ends_at > $3 or g.ends_at is null)
order by g.camera, g.starts_at)";

constexpr auto find_open = "select " CCOC_SEGMENT_COLUMNS " from segments where not closed order by volume, path";

constexpr auto find_known = R"(
select s.path from json_array_elements_text($2::json) as w(path), segments s where s.volume = $1 and s.path = w.path)";

#define CCOC_OLDEST "select " CCOC_SEGMENT_COLUMNS \
  " from segments s where closed and ends_at < $1 and starts_at < $1 and ($2 = '' or volume = $2) "
#define CCOC_NOT_HELD "and not exists (select 1 from holds h where h.camera = s.camera and h.released_at is null " \
  "and h.starts_at < s.ends_at and h.ends_at > s.starts_at) "
constexpr auto oldest_of_all = CCOC_OLDEST "order by starts_at limit $3";
constexpr auto oldest_of_camera = CCOC_OLDEST "and camera = $4 order by starts_at limit $3";
constexpr auto removable_of_all = CCOC_OLDEST CCOC_NOT_HELD "order by starts_at limit $3";
constexpr auto removable_of_camera = CCOC_OLDEST "and camera = $4 " CCOC_NOT_HELD "order by starts_at limit $3";

// A loose index scan: one probe per camera, not one per row.
constexpr auto all_cameras = R"(
with recursive c as (
  (select camera from segments order by camera limit 1)
  union all
  select (select s.camera from segments s where s.camera > c.camera order by s.camera limit 1) from c where c.camera is not null)
select camera from c where camera is not null)";

constexpr auto sum_bytes = "select volume, sum(bytes)::bigint from segments where closed group by volume";

constexpr auto recent_bytes = "select camera, sum(bytes)::bigint, min(starts_at) from segments where closed and starts_at >= $1 group by camera";

constexpr auto find_after = "select " CCOC_SEGMENT_COLUMNS R"( from segments
where volume = $1 and closed and (starts_at, path) > ($2, $3) order by starts_at, path limit $4)";

constexpr auto find_scrub = "select round_began_at, reached_at, reached_path, last_round_ended_at from scrubs where volume = $1";
constexpr auto upsert_scrub = R"(
insert into scrubs (volume, round_began_at, reached_at, reached_path, last_round_ended_at) values ($1, $2, $3, $4, $5)
on conflict (volume) do update set round_began_at = excluded.round_began_at, reached_at = excluded.reached_at,
  reached_path = excluded.reached_path, last_round_ended_at = excluded.last_round_ended_at)";

constexpr auto upsert_damage = R"(
insert into damage (volume, path, "offset", camera, stream, starts_at, ends_at, detail, found_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (volume, path, "offset") do update set detail = excluded.detail, starts_at = excluded.starts_at, ends_at = excluded.ends_at)";
constexpr auto find_damage_rows = R"(
select d.volume, d.path, d."offset", d.camera, d.stream, d.starts_at, d.ends_at, d.detail, d.found_at
from damage d join segments s on s.volume = d.volume and s.path = d.path order by d.found_at desc, d.path, d."offset" limit $1)";

constexpr auto end_stale_gaps = R"(
update gaps g set ends_at = f.starts_at
from (select o.camera, o.stream, o.starts_at as gap_start,
             (select s.starts_at from segments s where s.camera = o.camera and s.stream = o.stream
                and s.starts_at >= o.starts_at order by s.starts_at limit 1) as starts_at
      from gaps o where o.ends_at is null) f
where g.camera = f.camera and g.stream = f.stream and g.starts_at = f.gap_start and f.starts_at is not null)";

std::int64_t us(UtcTime t) { return t.time_since_epoch().count(); }

media::GapCause parse_cause(std::string_view text) {
  for (const auto cause : {media::GapCause::camera, media::GapCause::network, media::GapCause::hub,
                           media::GapCause::disk, media::GapCause::disabled}) {
    if (media::to_string(cause) == text) return cause;
  }
  return media::GapCause::hub;
}

Segment read_segment(const db::Row& row) {
  Segment segment;
  segment.volume = row.text(0);
  segment.path = row.text(1);
  segment.key = {row.text(2), row.text(3)};
  segment.start = row.utc(4);
  segment.end = row.utc(5);
  segment.bytes = static_cast<std::uint64_t>(row.i64(6));
  segment.run = static_cast<std::uint64_t>(row.i64(7));
  segment.open = !row.boolean(8);
  return segment;
}

Gap read_gap(const db::Row& row) {
  return {{row.text(0), row.text(1)}, row.utc(2), row.maybe_utc(3), parse_cause(row.text(4)), row.text(5)};
}

template <class T>
std::vector<T> read_all(const db::Rows& rows, T (*read)(const db::Row&)) {
  std::vector<T> all;
  all.reserve(rows.size());
  for (const auto& row : rows) all.push_back(read(row));
  return all;
}

std::string hex(ByteView bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const auto byte : bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::string segments_json(std::span<const Segment> segments) {
  JsonRows rows;
  for (const auto& s : segments) {
    rows.begin();
    rows.add("volume", s.volume);
    rows.add("path", s.path);
    rows.add("camera", s.key.camera);
    rows.add("stream", s.key.stream);
    rows.add("from_us", us(s.start));
    rows.add("to_us", us(s.end));
    rows.add("bytes", static_cast<std::int64_t>(s.bytes));
    rows.add("run", static_cast<std::int64_t>(s.run));
    rows.add_bool("closed", !s.open);
    rows.add("activity", hex(s.activity));
    rows.add("activity_peak", std::int64_t{activity_peak(s.activity)});
  }
  return rows.text();
}

std::string gaps_json(const std::vector<Gap>& gaps) {
  JsonRows rows;
  for (const auto& g : gaps) {
    rows.begin();
    rows.add("camera", g.key.camera);
    rows.add("stream", g.key.stream);
    rows.add("from_us", us(g.from));
    if (g.to) rows.add("to_us", us(*g.to));
    rows.add("cause", media::to_string(g.cause));
    rows.add("reason", g.reason);
  }
  return rows.text();
}

class SqlSegmentStore final : public SegmentStore {
 public:
  explicit SqlSegmentStore(db::Database& database) : database_(database) {}

  Status apply(const IndexBatch& batch) override {
    // Losing the last moments of an index that can be made anew is no loss.
    return database_.transaction(
        [&](db::Transaction& transaction) -> Status {
          TouchedHours touched;
          for (const auto& segment : batch.segments) {
            if (!segment.open) touch(touched, segment.key, segment.start, segment.end);
          }
          if (!batch.segments.empty()) {
            if (auto done = transaction.execute(upsert_segments, {segments_json(batch.segments)}); !done) {
              return std::unexpected(done.error());
            }
          }
          if (!batch.removed.empty()) {
            JsonRows rows;
            for (const auto& [volume, path] : batch.removed) {
              rows.begin();
              rows.add("volume", volume);
              rows.add("path", path);
            }
            const auto gone = transaction.query(delete_segments, {rows.text()});
            if (!gone) return std::unexpected(gone.error());
            for (const auto& row : *gone) touch(touched, {row.text(0), row.text(1)}, row.utc(2), row.utc(3));
          }
          if (!batch.gaps.empty()) {
            if (auto done = transaction.execute(upsert_gaps, {gaps_json(batch.gaps)}); !done) {
              return std::unexpected(done.error());
            }
          }
          if (touched.empty()) return {};
          const auto filled = transaction.query(fill_hours, {touched_json(touched)});
          return filled ? Status{} : std::unexpected(filled.error());
        },
        {.durability = db::Durability::fast});
  }

  Result<std::vector<Segment>> find(const StreamKey& key, UtcTime from, UtcTime to) override {
    const auto rows = database_.query(find_segments, {key.camera, key.stream, from, to});
    if (!rows) return std::unexpected(rows.error());
    return read_all(*rows, read_segment);
  }

  Result<std::optional<Segment>> at_or_after(const StreamKey& key, UtcTime at) override {
    return one(database_.query(find_at, {key.camera, key.stream, at}));
  }

  Result<std::optional<Segment>> before(const StreamKey& key, UtcTime at) override {
    return one(database_.query(find_before, {key.camera, key.stream, at}));
  }

  Result<std::vector<Gap>> gaps(const StreamKey& key, UtcTime from, UtcTime to) override {
    const auto rows = database_.query(find_gaps, {key.camera, key.stream, from, to});
    if (!rows) return std::unexpected(rows.error());
    return read_all(*rows, read_gap);
  }

  Result<std::optional<Span>> extent(const StreamKey& key) override {
    const auto rows = database_.query(find_extent, {key.camera, key.stream});
    if (!rows) return std::unexpected(rows.error());
    const auto& row = (*rows)[0];
    if (row.is_null(0) || row.is_null(1)) return std::nullopt;
    return Span{row.utc(0), row.utc(1)};
  }

  Result<std::map<std::string, StoredTimeline>> timeline(std::span<const std::string> cameras, const std::string& stream,
                                                         UtcTime from, UtcTime to, unsigned buckets,
                                                         Duration) override {
    const auto wanted = json_texts(cameras);
    std::map<std::string, StoredTimeline> found;
    const bool by_seconds = to - from <= longest_by_seconds;
    const auto hours = database_.query(hours_in_range, {wanted, stream, from, to});
    if (!hours) return std::unexpected(hours.error());
    for (const auto& row : *hours) {
      auto& timeline = found[row.text(0)];
      if (buckets > 0 && !timeline.activity) timeline.activity.emplace(from, to, buckets);
      add_hour(row, from, to, timeline.spans, buckets == 0 || by_seconds ? nullptr : &*timeline.activity);
    }
    const auto gaps = database_.query(timeline_gaps, {wanted, stream, from, to});
    if (!gaps) return std::unexpected(gaps.error());
    for (const auto& row : *gaps) found[row.text(0)].gaps.push_back(read_gap(row));
    if (buckets == 0 || !by_seconds) return found;
    const auto levels = database_.query(levels_of_files, {wanted, stream, from, to});
    if (!levels) return std::unexpected(levels.error());
    for (const auto& row : *levels) {
      if (auto& activity = found[row.text(0)].activity) activity->add(row.utc(1), row.bytes(2));
    }
    return found;
  }

  Result<std::vector<Segment>> open_segments() override {
    const auto rows = database_.query(find_open);
    if (!rows) return std::unexpected(rows.error());
    return read_all(*rows, read_segment);
  }

  Result<std::vector<std::string>> known(const std::string& volume, std::span<const std::string> paths) override {
    const auto rows = database_.query(find_known, {volume, json_texts(paths)});
    if (!rows) return std::unexpected(rows.error());
    std::vector<std::string> known;
    for (const auto& row : *rows) known.push_back(row.text(0));
    return known;
  }

  Result<std::vector<Segment>> oldest(const std::string& camera, const std::string& volume, UtcTime before,
                                      std::size_t limit) override {
    db::Params params{before, volume, limit};
    if (!camera.empty()) params.emplace_back(camera);
    const auto rows = database_.query(camera.empty() ? oldest_of_all : oldest_of_camera, params);
    if (!rows) return std::unexpected(rows.error());
    return read_all(*rows, read_segment);
  }

  Result<std::vector<Segment>> removable(const std::string& camera, const std::string& volume, UtcTime before,
                                         std::size_t limit) override {
    db::Params params{before, volume, limit};
    if (!camera.empty()) params.emplace_back(camera);
    const auto rows = database_.query(camera.empty() ? removable_of_all : removable_of_camera, params);
    if (!rows) return std::unexpected(rows.error());
    return read_all(*rows, read_segment);
  }

  Result<std::vector<std::string>> cameras() override {
    const auto rows = database_.query(all_cameras);
    if (!rows) return std::unexpected(rows.error());
    std::vector<std::string> all;
    for (const auto& row : *rows) all.push_back(row.text(0));
    return all;
  }

  Result<std::map<std::string, Recent>> recent(UtcTime since) override {
    const auto rows = database_.query(recent_bytes, {since});
    if (!rows) return std::unexpected(rows.error());
    std::map<std::string, Recent> found;
    for (const auto& row : *rows) found[row.text(0)] = {static_cast<std::uint64_t>(row.i64(1)), row.utc(2)};
    return found;
  }

  Result<std::map<std::string, std::uint64_t>> total_bytes() override {
    const auto rows = database_.query(sum_bytes);
    if (!rows) return std::unexpected(rows.error());
    std::map<std::string, std::uint64_t> sums;
    for (const auto& row : *rows) sums[row.text(0)] = static_cast<std::uint64_t>(row.i64(1));
    return sums;
  }

  Result<std::vector<Segment>> after(const std::string& volume, UtcTime start, const std::string& path,
                                     std::size_t limit) override {
    const auto rows = database_.query(find_after, {volume, start, path, limit});
    if (!rows) return std::unexpected(rows.error());
    return read_all(*rows, read_segment);
  }

  Result<std::optional<ScrubState>> scrub_state(const std::string& volume) override {
    const auto rows = database_.query(find_scrub, {volume});
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) return std::nullopt;
    const auto& row = (*rows)[0];
    return ScrubState{volume, row.utc(0), row.utc(1), row.text(2), row.maybe_utc(3)};
  }

  Status save(const ScrubState& state) override {
    const auto done = database_.execute(
        upsert_scrub, {state.volume, state.round_began_at, state.reached_at, state.reached_path, state.last_round_ended_at});
    if (!done) return std::unexpected(done.error());
    return {};
  }

  Status add_damage(std::span<const Damage> found) override {
    return database_.transaction([&](db::Transaction& transaction) -> Status {
      for (const auto& d : found) {
        const auto done = transaction.execute(upsert_damage, {d.volume, d.path, static_cast<std::int64_t>(d.offset), d.key.camera,
                                                              d.key.stream, d.from, d.to, d.detail, d.found_at});
        if (!done) return std::unexpected(done.error());
      }
      return {};
    });
  }

  Result<std::vector<Damage>> damage(std::size_t limit) override {
    const auto rows = database_.query(find_damage_rows, {limit});
    if (!rows) return std::unexpected(rows.error());
    std::vector<Damage> all;
    for (const auto& row : *rows) {
      all.push_back({row.text(0), row.text(1), {row.text(3), row.text(4)}, static_cast<std::uint64_t>(row.i64(2)), row.utc(5),
                     row.utc(6), row.text(7), row.utc(8)});
    }
    return all;
  }

  Status close_stale_gaps() override {
    const auto done = database_.execute(end_stale_gaps);
    if (!done) return std::unexpected(done.error());
    return {};
  }

 private:
  static Result<std::optional<Segment>> one(const Result<db::Rows>& rows) {
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) return std::nullopt;
    return read_segment((*rows)[0]);
  }

  db::Database& database_;
};

}  // namespace

Status replace_segments(db::Database& database, std::span<const Segment> segments) {
  constexpr std::size_t rows_per_statement = 5000;
  return database.transaction(
      [&](db::Transaction& transaction) -> Status {
        if (auto done = transaction.execute("delete from segments"); !done) return std::unexpected(done.error());
        for (std::size_t at = 0; at < segments.size(); at += rows_per_statement) {
          const auto some = segments.subspan(at, std::min(rows_per_statement, segments.size() - at));
          if (auto done = transaction.execute(upsert_segments, {segments_json(some)}); !done) {
            return std::unexpected(done.error());
          }
        }
        const auto filled = transaction.query(fill_all_hours);
        return filled ? Status{} : std::unexpected(filled.error());
      },
      {.statement_timeout = std::chrono::minutes{10}});
}

std::unique_ptr<SegmentStore> make_sql_segment_store(db::Database& database) {
  return std::make_unique<SqlSegmentStore>(database);
}

}  // namespace ccoc::archive
