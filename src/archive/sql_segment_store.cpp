#include "ccoc/archive/segment_store.h"

#include <algorithm>

#include "ccoc/db/database.h"
#include "day_sums.h"
#include "json_text.h"
#include "segment_partitions.h"
#include "sql_rows.h"
#include "timeline_hours.h"

namespace ccoc::archive {
namespace {

// $2, $3: where the rows may be that these files have already.
constexpr auto upsert_segments = R"(
with x as (
  select volume, path, camera, stream, timestamptz 'epoch' + from_us * interval '1 microsecond' as starts_at,
         timestamptz 'epoch' + to_us * interval '1 microsecond' as ends_at, bytes, run, closed,
         decode(activity, 'hex') as activity, activity_peak
  from json_to_recordset($1::json)
    as x(volume text, path text, camera text, stream text, from_us bigint, to_us bigint, bytes bigint, run bigint,
         closed boolean, activity text, activity_peak smallint)),
changed as (
  update segments s
  set camera = x.camera, stream = x.stream, starts_at = x.starts_at, ends_at = x.ends_at, bytes = x.bytes, run = x.run,
      closed = x.closed, activity = x.activity, activity_peak = x.activity_peak
  from x where s.volume = x.volume and s.path = x.path and s.starts_at >= $2 and s.starts_at < $3
  returning s.volume, s.path)
insert into segments (volume, path, camera, stream, starts_at, ends_at, bytes, run, closed, activity, activity_peak)
select volume, path, camera, stream, starts_at, ends_at, bytes, run, closed, activity, activity_peak
from x where not exists (select 1 from changed c where c.volume = x.volume and c.path = x.path))";

constexpr auto delete_segments = R"(
delete from segments s using json_to_recordset($1::json) as x(volume text, path text)
where s.volume = x.volume and s.path = x.path and s.starts_at >= $2 and s.starts_at < $3
returning s.camera, s.stream, s.starts_at, s.ends_at)";

constexpr auto upsert_gaps = R"(
insert into gaps (camera, stream, starts_at, ends_at, cause, reason)
select camera, stream, timestamptz 'epoch' + from_us * interval '1 microsecond',
       timestamptz 'epoch' + to_us * interval '1 microsecond', cause, reason
from json_to_recordset($1::json)
  as x(camera text, stream text, from_us bigint, to_us bigint, cause text, reason text)
on conflict (camera, stream, starts_at) do update set ends_at = coalesce(excluded.ends_at, gaps.ends_at))";

#define CCOC_SEGMENT_COLUMNS "volume, path, camera, stream, starts_at, ends_at, bytes, run, closed"

// Files of one stream follow each other: of those that began before $3 only the last can reach into the range, and it began at
// $4 or later. The limits are bound, not computed here: only so is a statement planned for the weeks it concerns.
#define CCOC_OF_STREAM "where camera = $1 and stream = $2 and closed "
#define CCOC_FROM_LAST_BEFORE "and starts_at >= $4 and starts_at >= coalesce((select max(starts_at) from segments " CCOC_OF_STREAM \
  "and starts_at <= $3 and starts_at >= $4), $3) "
constexpr auto find_segments = "select " CCOC_SEGMENT_COLUMNS " from segments " CCOC_OF_STREAM CCOC_FROM_LAST_BEFORE
    "and starts_at < $5 and ends_at > $3 order by starts_at";
constexpr auto find_at = "select " CCOC_SEGMENT_COLUMNS " from segments " CCOC_OF_STREAM CCOC_FROM_LAST_BEFORE
    "and starts_at < $5 and ends_at > $3 order by starts_at limit 1";
constexpr auto find_before = "select " CCOC_SEGMENT_COLUMNS " from segments " CCOC_OF_STREAM
    "and starts_at < $3 and starts_at >= $4 order by starts_at desc limit 1";
// Where nothing is near: one week after the other.
constexpr auto find_next = "select " CCOC_SEGMENT_COLUMNS " from segments " CCOC_OF_STREAM
    "and starts_at >= $3 order by starts_at limit 1";
constexpr auto find_last = "select " CCOC_SEGMENT_COLUMNS " from segments " CCOC_OF_STREAM
    "and starts_at < $3 order by starts_at desc limit 1";
/// No file lasts longer; what is further away is looked for by itself.
constexpr Duration longest_file = std::chrono::hours{48};

constexpr std::size_t rows_per_statement = 5000;  ///< of reindex

constexpr auto find_extent = R"(
select (select starts_at from segments where camera = $1 and stream = $2 and closed order by starts_at limit 1),
       (select ends_at from segments where camera = $1 and stream = $2 and closed order by starts_at desc limit 1))";

constexpr auto fill_day = "select fill_timeline_of_day($1)";

// Gaps of one stream do not overlap: of those that began before $3 the last one, and one that lasts, may reach into the range.
constexpr auto find_gaps = R"(
select g.camera, g.stream, g.starts_at, g.ends_at, g.cause, g.reason
from json_array_elements_text($1::json) as w(camera), lateral (
  select * from gaps g
  where g.camera = w.camera and g.stream = $2 and g.starts_at < $4 and g.ends_at > $3
    and g.starts_at >= coalesce((select max(starts_at) from gaps b
          where b.camera = w.camera and b.stream = $2 and b.starts_at <= $3), $3)
  union all
  select * from gaps g where g.camera = w.camera and g.stream = $2 and g.starts_at < $4 and g.ends_at is null) g
order by g.camera, g.starts_at)";

// Gaps are kept as long as the footage around them.
constexpr auto forget_gaps = R"(
delete from gaps g using (
  select x.camera, x.stream, (select s.starts_at from segments s where s.camera = x.camera and s.stream = x.stream and s.closed
                              order by s.starts_at limit 1) as oldest
  from json_to_recordset($1::json) as x(camera text, stream text)) o
where g.camera = o.camera and g.stream = o.stream and g.ends_at < o.oldest)";

constexpr auto find_open = "select " CCOC_SEGMENT_COLUMNS " from segments where not closed order by volume, path";

constexpr auto find_known = R"(
select s.path from json_array_elements_text($2::json) as w(path), segments s
where s.volume = $1 and s.path = w.path and s.starts_at >= $3 and s.starts_at < $4)";

#define CCOC_OLDEST " from segments s where closed and ends_at < $1 and starts_at < $1 and ($2 = '' or volume = $2) "
#define CCOC_NOT_HELD "and not exists (select 1 from holds h where h.camera = s.camera and h.released_at is null " \
  "and h.starts_at < s.ends_at and h.ends_at > s.starts_at) "
#define CCOC_OLDEST_OF_ALL(condition) "select " CCOC_SEGMENT_COLUMNS CCOC_OLDEST condition "order by starts_at limit $3"
// The oldest of each of the camera's streams, found by index; of these the oldest.
#define CCOC_OLDEST_OF_CAMERA \
  "with recursive w as (" \
  "  (select stream from timeline_days where camera = $4 order by stream limit 1) union all" \
  "  select (select t.stream from timeline_days t where t.camera = $4 and t.stream > w.stream order by t.stream limit 1)" \
  "  from w where w.stream is not null) " \
  "select f.* from w, lateral (select " CCOC_SEGMENT_COLUMNS CCOC_OLDEST \
  "and camera = $4 and stream = w.stream order by starts_at limit $3) f order by starts_at limit $3"
constexpr auto oldest_of_all = CCOC_OLDEST_OF_ALL("");
constexpr auto oldest_of_camera = CCOC_OLDEST_OF_CAMERA;
constexpr auto removable_of_all = CCOC_OLDEST_OF_ALL(CCOC_NOT_HELD);

// The same of many cameras, each with its own limit. $4, $5: where the rows may be of all of them, so that it is planned for these
// weeks. In the cameras' order the last ones are not looked at once there is enough.
#define CCOC_DUE_BEFORE "timestamptz 'epoch' + w.before_us * interval '1 microsecond' "
#define CCOC_DUE(order) \
  "select f.* from rows from (json_to_recordset($1::json) as (camera text, before_us bigint)) with ordinality as w(camera, before_us, n), " \
  "lateral (" \
  "  with recursive c as (" \
  "    (select stream from timeline_days where camera = w.camera order by stream limit 1) union all" \
  "    select (select t.stream from timeline_days t where t.camera = w.camera and t.stream > c.stream order by t.stream limit 1)" \
  "    from c where c.stream is not null) " \
  "  select g.* from c, lateral (select " CCOC_SEGMENT_COLUMNS " from segments s where closed and camera = w.camera and stream = c.stream " \
  "    and starts_at >= $4 and starts_at < $5 and starts_at < " CCOC_DUE_BEFORE "and ends_at < " CCOC_DUE_BEFORE \
  "    and ($2 = '' or volume = $2) " CCOC_NOT_HELD "order by starts_at limit $3) g " \
  "  order by g.starts_at limit $3) f order by " order " limit $3"
constexpr auto due_by_camera = CCOC_DUE("w.n, f.starts_at");
constexpr auto due_by_age = CCOC_DUE("f.starts_at");

// A loose index scan: one probe per camera, not one per row. Who has footage has days.
constexpr auto all_cameras = R"(
with recursive c as (
  (select camera from timeline_days order by camera limit 1)
  union all
  select (select t.camera from timeline_days t where t.camera > c.camera order by t.camera limit 1) from c where c.camera is not null)
select camera from c where camera is not null)";

// A row of the target is what an earlier attempt, or recovery, left.
constexpr auto clear_target = "delete from segments where volume = $3 and path = $2 and starts_at >= $4 and starts_at < $5 and exists "
                              "(select 1 from segments where volume = $1 and path = $2 and starts_at >= $4 and starts_at < $5)";
constexpr auto relocate_segment = "update segments set volume = $3 where volume = $1 and path = $2 and starts_at >= $4 and starts_at < $5 "
                                  "returning 1";
constexpr auto relocate_copies = "update copies set volume = $3 where volume = $1 and path = $2";
constexpr auto relocate_damage = "update damage set volume = $3 where volume = $1 and path = $2";

constexpr auto recent_bytes = "select camera, sum(bytes)::bigint, min(starts_at) from segments where closed and starts_at >= $1 group by camera";

constexpr auto find_after = "select " CCOC_SEGMENT_COLUMNS R"( from segments
where volume = $1 and closed and starts_at >= $2 and (starts_at, path) > ($2, $3) order by starts_at, path limit $4)";

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
from damage d join segments s on s.volume = d.volume and s.path = d.path
  and s.starts_at > d.starts_at - interval '48 hours' and s.starts_at <= d.starts_at + interval '1 second'
order by d.found_at desc, d.path, d."offset" limit $1)";

constexpr auto insert_copies = R"(
insert into copies (volume, path, copy_volume, copy_path)
select volume, path, copy_volume, copy_path
from json_to_recordset($1::json) as x(volume text, path text, copy_volume text, copy_path text))";

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

std::string due_json(std::span<const Due> cameras) {
  JsonRows rows;
  for (const auto& due : cameras) {
    rows.begin();
    rows.add("camera", due.camera);
    rows.add("before_us", us(due.before));
  }
  return rows.text();
}

std::string copies_json(std::span<const Copy> copies) {
  JsonRows rows;
  for (const auto& [of, copy] : copies) {
    rows.begin();
    rows.add("volume", of.first);
    rows.add("path", of.second);
    rows.add("copy_volume", copy.first);
    rows.add("copy_path", copy.second);
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
    if (auto made = partitions_.make_for(batch.segments); !made) return made;
    std::vector<UtcTime> starts;
    for (const auto& segment : batch.segments) starts.push_back(segment.start);
    // Losing the last moments of an index that can be made anew is no loss.
    auto done = database_.transaction(
        [&](db::Transaction& transaction) -> Status {
          TouchedHours touched;
          for (const auto& segment : batch.segments) {
            if (!segment.open) touch(touched, segment.key, segment.start, segment.end);
          }
          if (auto written = write(transaction, batch.segments); !written) return written;
          if (auto gone = remove(transaction, batch.removed, touched, starts); !gone) return gone;
          if (!batch.gaps.empty()) {
            if (auto written = transaction.execute(upsert_gaps, {gaps_json(batch.gaps)}); !written) {
              return std::unexpected(written.error());
            }
          }
          return fill_timeline(transaction, touched);
        },
        {.durability = db::Durability::fast});
    // What failed may still be done, where the answer was lost.
    for (const auto start : starts) sums_.changed(start);
    if (!done) partitions_.forget();
    return done;
  }

  Result<std::vector<Segment>> find(const StreamKey& key, UtcTime from, UtcTime to) override {
    const auto rows = database_.query(find_segments, {key.camera, key.stream, from, from - longest_file, to});
    if (!rows) return std::unexpected(rows.error());
    return read_all(*rows, read_segment);
  }

  Result<std::optional<Segment>> at_or_after(const StreamKey& key, UtcTime at) override {
    auto near = one(find_at, {key.camera, key.stream, at, at - longest_file, at + longest_file});
    return near && !*near ? one(find_next, {key.camera, key.stream, at}) : near;
  }

  Result<std::optional<Segment>> before(const StreamKey& key, UtcTime at) override {
    auto near = one(find_before, {key.camera, key.stream, at, at - longest_file});
    return near && !*near ? one(find_last, {key.camera, key.stream, at}) : near;
  }

  Result<std::vector<Gap>> gaps(const StreamKey& key, UtcTime from, UtcTime to) override {
    const auto rows = database_.query(find_gaps, {json_texts(std::span(&key.camera, 1)), key.stream, from, to});
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
    auto found = read_timeline(database_, cameras, stream, from, to, buckets);
    if (!found) return found;
    const auto gaps = database_.query(find_gaps, {json_texts(cameras), stream, from, to});
    if (!gaps) return std::unexpected(gaps.error());
    for (const auto& row : *gaps) (*found)[row.text(0)].gaps.push_back(read_gap(row));
    return found;
  }

  Result<std::vector<Segment>> open_segments() override {
    const auto rows = database_.query(find_open);
    if (!rows) return std::unexpected(rows.error());
    return read_all(*rows, read_segment);
  }

  Result<std::vector<std::string>> known(const std::string& volume, std::span<const std::string> paths) override {
    StartWindow window;
    for (const auto& path : paths) window.add(path);
    auto found = known_in(volume, paths, window.from(), window.to());
    if (!found || found->size() == paths.size()) return found;
    // A file whose pictures are of another time than its folder says.
    std::ranges::sort(*found);
    std::vector<std::string> others;
    for (const auto& path : paths) {
      if (!std::ranges::binary_search(*found, path)) others.push_back(path);
    }
    auto more = known_in(volume, others, "-infinity", "infinity");
    if (!more) return more;
    found->insert(found->end(), std::make_move_iterator(more->begin()), std::make_move_iterator(more->end()));
    return found;
  }

  Result<std::vector<Segment>> oldest(const std::string& camera, const std::string& volume, UtcTime before,
                                      std::size_t limit) override {
    db::Params params{before, volume, limit};
    if (!camera.empty()) params.emplace_back(camera);
    const auto rows = database_.query(camera.empty() ? oldest_of_all : oldest_of_camera, params);
    if (!rows) return std::unexpected(rows.error());
    return read_all(*rows, read_segment);
  }

  Result<std::vector<Segment>> removable(const std::string& volume, UtcTime before, std::size_t limit) override {
    const auto rows = database_.query(removable_of_all, {before, volume, limit});
    if (!rows) return std::unexpected(rows.error());
    return read_all(*rows, read_segment);
  }

  Result<std::vector<Segment>> due(std::span<const Due> cameras, UtcTime from, std::size_t limit) override {
    return find_due(due_by_camera, cameras, {}, from, limit);
  }

  Result<std::vector<Segment>> oldest_due(std::span<const Due> cameras, const std::string& volume, std::size_t limit) override {
    return find_due(due_by_age, cameras, volume, "-infinity", limit);
  }

  Result<std::vector<std::string>> cameras() override {
    const auto rows = database_.query(all_cameras);
    if (!rows) return std::unexpected(rows.error());
    std::vector<std::string> all;
    for (const auto& row : *rows) all.push_back(row.text(0));
    return all;
  }

  Status relocate(const Segment& segment, const std::string& volume) override {
    StartWindow window;
    window.add(segment);
    auto done = database_.transaction([&](db::Transaction& transaction) -> Status {
      const db::Params row{segment.volume, segment.path, volume, window.from(), window.to()};
      if (auto cleared = transaction.execute(clear_target, row); !cleared) return std::unexpected(cleared.error());
      const auto moved = transaction.query(relocate_segment, row);
      if (!moved) return std::unexpected(moved.error());
      if (moved->empty()) return fail(ErrorCode::not_found, segment.path + " is gone");
      for (const auto* statement : {relocate_copies, relocate_damage}) {
        if (auto changed = transaction.execute(statement, {segment.volume, segment.path, volume}); !changed) {
          return std::unexpected(changed.error());
        }
      }
      return {};
    });
    sums_.changed(segment.start);
    return done;
  }

  Result<std::map<std::string, Recent>> recent(UtcTime since) override {
    const auto rows = database_.query(recent_bytes, {since});
    if (!rows) return std::unexpected(rows.error());
    std::map<std::string, Recent> found;
    for (const auto& row : *rows) found[row.text(0)] = {static_cast<std::uint64_t>(row.i64(1)), row.utc(2)};
    return found;
  }

  Result<std::map<std::string, std::uint64_t>> total_bytes() override { return sums_.total(); }

  Status tidy(UtcTime now) override { return partitions_.tidy(now); }

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
  static Status write(db::Transaction& transaction, std::span<const Segment> segments) {
    if (segments.empty()) return {};
    StartWindow window;
    for (const auto& segment : segments) window.add(segment);
    const auto done = transaction.execute(upsert_segments, {segments_json(segments), window.from(), window.to()});
    if (!done) return std::unexpected(done.error());
    return {};
  }

  static Status remove(db::Transaction& transaction, std::span<const SegmentId> removed, TouchedHours& touched,
                       std::vector<UtcTime>& starts) {
    if (removed.empty()) return {};
    JsonRows ids;
    StartWindow window;
    for (const auto& [volume, path] : removed) {
      ids.begin();
      ids.add("volume", volume);
      ids.add("path", path);
      window.add(path);
    }
    std::size_t found = 0;
    const auto remove_in = [&](db::Param from, db::Param to) -> Status {
      const auto gone = transaction.query(delete_segments, {ids.text(), std::move(from), std::move(to)});
      if (!gone) return std::unexpected(gone.error());
      found += gone->size();
      for (const auto& row : *gone) {
        touch(touched, {row.text(0), row.text(1)}, row.utc(2), row.utc(3));
        starts.push_back(row.utc(2));
      }
      return {};
    };
    auto done = remove_in(window.from(), window.to());
    // A file whose pictures are of another time than its folder says, or one that had no row.
    if (done && found < removed.size()) done = remove_in("-infinity", "infinity");
    if (!done || touched.empty()) return done;
    JsonRows streams;
    for (auto at = touched.begin(); at != touched.end(); ++at) {
      if (at != touched.begin() && std::get<0>(*at) == std::get<0>(*std::prev(at)) && std::get<1>(*at) == std::get<1>(*std::prev(at))) continue;
      streams.begin();
      streams.add("camera", std::get<0>(*at));
      streams.add("stream", std::get<1>(*at));
    }
    const auto forgotten = transaction.execute(forget_gaps, {streams.text()});
    return forgotten ? Status{} : std::unexpected(forgotten.error());
  }

  Result<std::vector<std::string>> known_in(const std::string& volume, std::span<const std::string> paths, db::Param from,
                                            db::Param to) {
    const auto rows = database_.query(find_known, {volume, json_texts(paths), std::move(from), std::move(to)});
    if (!rows) return std::unexpected(rows.error());
    std::vector<std::string> known;
    for (const auto& row : *rows) known.push_back(row.text(0));
    return known;
  }

  Result<std::vector<Segment>> find_due(const char* statement, std::span<const Due> cameras, const std::string& volume, db::Param from,
                                        std::size_t limit) {
    if (cameras.empty()) return std::vector<Segment>{};
    const auto last = std::ranges::max(cameras, {}, &Due::before).before;
    const auto rows = database_.query(statement, {due_json(cameras), volume, limit, std::move(from), last});
    if (!rows) return std::unexpected(rows.error());
    return read_all(*rows, read_segment);
  }

  Result<std::optional<Segment>> one(const char* statement, const db::Params& params) {
    const auto rows = database_.query(statement, params);
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) return std::nullopt;
    return read_segment((*rows)[0]);
  }

  db::Database& database_;
  SegmentPartitions partitions_{database_};
  DaySums sums_{database_};
};

}  // namespace

Status replace_index(db::Database& database, std::span<const Segment> segments, std::span<const Copy> copies) {
  return database.transaction(
      [&](db::Transaction& transaction) -> Status {
        if (auto done = transaction.script("truncate segments, copies"); !done) return done;
        SegmentPartitions partitions(database);
        if (auto made = partitions.make_for(transaction, segments); !made) return made;
        for (std::size_t at = 0; at < segments.size(); at += rows_per_statement) {
          const auto some = segments.subspan(at, std::min(rows_per_statement, segments.size() - at));
          // The table is empty and no path is named twice: nothing is to be looked for.
          if (auto done = transaction.execute(upsert_segments, {segments_json(some), "infinity", "infinity"}); !done) {
            return std::unexpected(done.error());
          }
        }
        for (std::size_t at = 0; at < copies.size(); at += rows_per_statement) {
          const auto some = copies.subspan(at, std::min(rows_per_statement, copies.size() - at));
          if (auto done = transaction.execute(insert_copies, {copies_json(some)}); !done) return std::unexpected(done.error());
        }
        if (auto done = transaction.script("delete from timeline_hours; delete from timeline_days"); !done) return done;
        std::set<UtcTime> days;
        for (const auto& segment : segments) days.insert(std::chrono::floor<std::chrono::days>(segment.start));
        for (const auto day : days) {
          if (auto filled = transaction.query(fill_day, {day}); !filled) return std::unexpected(filled.error());
        }
        return {};
      },
      {.statement_timeout = std::chrono::minutes{10}});
}

std::unique_ptr<SegmentStore> make_sql_segment_store(db::Database& database) {
  return std::make_unique<SqlSegmentStore>(database);
}

}  // namespace ccoc::archive
