// What the index of footage asks PostgreSQL.
#pragma once

namespace ccoc::archive::statements {
// clang-format off: statements are broken as SQL is

// $2, $3: where the rows may be that these files have already.
inline constexpr auto upsert_segments = R"(
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

inline constexpr auto delete_segments = R"(
delete from segments s using json_to_recordset($1::json) as x(volume text, path text)
where s.volume = x.volume and s.path = x.path and s.starts_at >= $2 and s.starts_at < $3
returning s.camera, s.stream, s.starts_at, s.ends_at)";

inline constexpr auto upsert_gaps = R"(
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
inline constexpr auto find_segments = "select " CCOC_SEGMENT_COLUMNS " from segments " CCOC_OF_STREAM CCOC_FROM_LAST_BEFORE
    "and starts_at < $5 and ends_at > $3 order by starts_at";
inline constexpr auto find_at = "select " CCOC_SEGMENT_COLUMNS " from segments " CCOC_OF_STREAM CCOC_FROM_LAST_BEFORE
    "and starts_at < $5 and ends_at > $3 order by starts_at limit 1";
inline constexpr auto find_before = "select " CCOC_SEGMENT_COLUMNS " from segments " CCOC_OF_STREAM
    "and starts_at < $3 and starts_at >= $4 order by starts_at desc limit 1";
// Where nothing is near: one week after the other.
inline constexpr auto find_next = "select " CCOC_SEGMENT_COLUMNS " from segments " CCOC_OF_STREAM
    "and starts_at >= $3 order by starts_at limit 1";
inline constexpr auto find_last = "select " CCOC_SEGMENT_COLUMNS " from segments " CCOC_OF_STREAM
    "and starts_at < $3 order by starts_at desc limit 1";
inline constexpr auto find_extent = R"(
select (select starts_at from segments where camera = $1 and stream = $2 and closed order by starts_at limit 1),
       (select ends_at from segments where camera = $1 and stream = $2 and closed order by starts_at desc limit 1))";

inline constexpr auto fill_day = "select fill_timeline_of_day($1)";

// Gaps of one stream do not overlap: of those that began before $3 the last one, and one that lasts, may reach into the range.
inline constexpr auto find_gaps = R"(
select g.camera, g.stream, g.starts_at, g.ends_at, g.cause, g.reason
from json_array_elements_text($1::json) as w(camera), lateral (
  select * from gaps g
  where g.camera = w.camera and g.stream = $2 and g.starts_at < $4 and g.ends_at > $3
    and g.starts_at >= coalesce((select max(starts_at) from gaps b
          where b.camera = w.camera and b.stream = $2 and b.starts_at <= $3), $3)
  union all
  select * from gaps g where g.camera = w.camera and g.stream = $2 and g.starts_at < $4 and g.ends_at is null) g)";

// Gaps are kept as long as the footage around them.
inline constexpr auto forget_gaps = R"(
delete from gaps g using (
  select x.camera, x.stream, (select s.starts_at from segments s where s.camera = x.camera and s.stream = x.stream and s.closed
                              order by s.starts_at limit 1) as oldest
  from json_to_recordset($1::json) as x(camera text, stream text)) o
where g.camera = o.camera and g.stream = o.stream and g.ends_at < o.oldest)";

inline constexpr auto find_open = "select " CCOC_SEGMENT_COLUMNS " from segments where not closed order by volume, path";

inline constexpr auto find_known = R"(
select s.path from json_array_elements_text($2::json) as w(path), segments s
where s.volume = $1 and s.path = w.path and s.starts_at >= $3 and s.starts_at < $4)";

#define CCOC_OLDEST " from segments s where closed and ends_at < $1 and starts_at < $1 and ($2 = '' or volume = $2) "
#define CCOC_NOT_HELD "and not exists (select 1 from holds h where h.camera = s.camera and h.released_at is null " \
  "and h.starts_at < s.ends_at and h.ends_at > s.starts_at) "
#define CCOC_OLDEST_OF_ALL(condition) "select " CCOC_SEGMENT_COLUMNS CCOC_OLDEST condition "order by starts_at limit $3"
// The streams of a camera, by a loose index scan.
#define CCOC_STREAMS_OF(camera_) \
  "recursive w as (" \
  "  (select stream from timeline_days where camera = " camera_ " order by stream limit 1) union all" \
  "  select (select t.stream from timeline_days t where t.camera = " camera_ " and t.stream > w.stream order by t.stream limit 1)" \
  "  from w where w.stream is not null) "
// The oldest of each of the camera's streams, found by index; of these the oldest.
#define CCOC_OLDEST_OF_CAMERA \
  "with " CCOC_STREAMS_OF("$4") \
  "select f.* from w, lateral (select " CCOC_SEGMENT_COLUMNS CCOC_OLDEST \
  "and camera = $4 and stream = w.stream order by starts_at limit $3) f order by starts_at limit $3"
inline constexpr auto oldest_of_all = CCOC_OLDEST_OF_ALL("");
inline constexpr auto oldest_of_camera = CCOC_OLDEST_OF_CAMERA;
inline constexpr auto removable_of_all = CCOC_OLDEST_OF_ALL(CCOC_NOT_HELD);

// The same of many cameras, each with its own limit. $4, $5: where the rows may be of all of them, so that it is planned for these
// weeks. In the cameras' order the last ones are not looked at once there is enough.
#define CCOC_DUE_BEFORE "timestamptz 'epoch' + d.before_us * interval '1 microsecond' "
#define CCOC_DUE(order) \
  "select f.* from rows from (json_to_recordset($1::json) as (camera text, before_us bigint)) with ordinality as d(camera, before_us, n), " \
  "lateral (" \
  "  with " CCOC_STREAMS_OF("d.camera") \
  "  select g.* from w, lateral (select " CCOC_SEGMENT_COLUMNS " from segments s where closed and camera = d.camera and stream = w.stream " \
  "    and starts_at >= $4 and starts_at < $5 and starts_at < " CCOC_DUE_BEFORE "and ends_at < " CCOC_DUE_BEFORE \
  "    and ($2 = '' or volume = $2) " CCOC_NOT_HELD "order by starts_at limit $3) g " \
  "  order by g.starts_at limit $3) f order by " order " limit $3"
inline constexpr auto due_by_camera = CCOC_DUE("d.n, f.starts_at");
inline constexpr auto due_by_age = CCOC_DUE("f.starts_at");

// A loose index scan: one probe per camera, not one per row. Who has footage has days.
inline constexpr auto all_cameras = R"(
with recursive c as (
  (select camera from timeline_days order by camera limit 1)
  union all
  select (select t.camera from timeline_days t where t.camera > c.camera order by t.camera limit 1) from c where c.camera is not null)
select camera from c where camera is not null)";

// A row of the target is what an earlier attempt, or recovery, left.
inline constexpr auto clear_target = "delete from segments where volume = $3 and path = $2 and starts_at >= $4 and starts_at < $5 and exists "
                              "(select 1 from segments where volume = $1 and path = $2 and starts_at >= $4 and starts_at < $5)";
inline constexpr auto relocate_segment = "update segments set volume = $3 where volume = $1 and path = $2 and starts_at >= $4 and starts_at < $5 "
                                  "returning 1";
inline constexpr auto relocate_copies = "update copies set volume = $3 where volume = $1 and path = $2";
inline constexpr auto relocate_damage = "update damage set volume = $3 where volume = $1 and path = $2";

inline constexpr auto recent_bytes = "select camera, sum(bytes)::bigint, min(starts_at) from segments where closed and starts_at >= $1 group by camera";

inline constexpr auto find_after = "select " CCOC_SEGMENT_COLUMNS R"( from segments
where volume = $1 and closed and starts_at >= $2 and (starts_at, path) > ($2, $3) order by starts_at, path limit $4)";

inline constexpr auto find_scrub = "select round_began_at, reached_at, reached_path, last_round_ended_at from scrubs where volume = $1";
inline constexpr auto upsert_scrub = R"(
insert into scrubs (volume, round_began_at, reached_at, reached_path, last_round_ended_at) values ($1, $2, $3, $4, $5)
on conflict (volume) do update set round_began_at = excluded.round_began_at, reached_at = excluded.reached_at,
  reached_path = excluded.reached_path, last_round_ended_at = excluded.last_round_ended_at)";

inline constexpr auto upsert_damage = R"(
insert into damage (volume, path, "offset", camera, stream, starts_at, ends_at, detail, found_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (volume, path, "offset") do update set detail = excluded.detail, starts_at = excluded.starts_at, ends_at = excluded.ends_at)";
inline constexpr auto find_damage_rows = R"(
select d.volume, d.path, d."offset", d.camera, d.stream, d.starts_at, d.ends_at, d.detail, d.found_at
from damage d join segments s on s.volume = d.volume and s.path = d.path
  and s.starts_at > d.starts_at - interval '48 hours' and s.starts_at <= d.starts_at + interval '1 second'
order by d.found_at desc, d.path, d."offset" limit $1)";

inline constexpr auto insert_copies = R"(
insert into copies (volume, path, copy_volume, copy_path)
select volume, path, copy_volume, copy_path
from json_to_recordset($1::json) as x(volume text, path text, copy_volume text, copy_path text))";

inline constexpr auto end_stale_gaps = R"(
update gaps g set ends_at = f.starts_at
from (select o.camera, o.stream, o.starts_at as gap_start,
             (select s.starts_at from segments s where s.camera = o.camera and s.stream = o.stream
                and s.starts_at >= o.starts_at order by s.starts_at limit 1) as starts_at
      from gaps o where o.ends_at is null) f
where g.camera = f.camera and g.stream = f.stream and g.starts_at = f.gap_start and f.starts_at is not null)";

#undef CCOC_SEGMENT_COLUMNS
#undef CCOC_OF_STREAM
#undef CCOC_FROM_LAST_BEFORE
#undef CCOC_OLDEST
#undef CCOC_NOT_HELD
#undef CCOC_OLDEST_OF_ALL
#undef CCOC_STREAMS_OF
#undef CCOC_OLDEST_OF_CAMERA
#undef CCOC_DUE_BEFORE
#undef CCOC_DUE

// clang-format on
}  // namespace ccoc::archive::statements
