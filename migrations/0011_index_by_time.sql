-- The index by time (docs/decisions/0017-index-partitioned-by-time.md): `segments` in partitions of a week, so that a question
-- about an hour reads that week only, and the oldest week goes as a whole. And what a timeline of many cameras needs, made
-- ready: the levels of every second by hours, and days.

-- Every partition of `segments` and the starts_at it takes.
create table segment_partitions (
  name      text        primary key,
  starts_at timestamptz not null,
  ends_at   timestamptz not null,
  check (ends_at > starts_at)
);

-- The Monday, 00:00 UTC, at or before an instant.
create function segment_week(at timestamptz) returns timestamptz language sql immutable as $$
  select timestamptz '2001-01-01 00:00:00+00' +
         floor(extract(epoch from at - timestamptz '2001-01-01 00:00:00+00') / 604800)::integer * interval '168 hours';
$$;

-- What was recorded so far stays where it is and becomes one partition, up to the end of this week, or of the newest row's.
-- It goes when retention has taken its last row.
alter table segments rename to segments_before;
alter table segments_before rename constraint segments_pkey to segments_before_pkey;
alter index segments_by_stream rename to segments_before_by_stream;
alter index segments_by_age rename to segments_before_by_age;
alter index segments_open rename to segments_before_open;

create table segments (like segments_before including defaults including constraints) partition by range (starts_at);
create index segments_by_stream on segments (camera, stream, starts_at) include (ends_at, bytes, closed, activity_peak);
create index segments_by_age on segments (starts_at);
create index segments_open on segments (volume, path) where not closed;

do $$
declare
  bound timestamptz := segment_week(greatest(now(), (select max(starts_at) from segments_before))) + interval '168 hours';
begin
  if not exists (select 1 from segments_before) then
    drop table segments_before;
    return;
  end if;
  execute format('alter table segments attach partition segments_before for values from (minvalue) to (%L)', bound);
  insert into segment_partitions values ('segments_before', '-infinity', bound);
end $$;

-- A partition for every week from `first` to `last` that has none. A file's path is one row's within a partition; that there
-- is none in another is the care of who writes (a unique index over all partitions would have to hold starts_at, and two starts
-- of one path would be two rows). Attached, not made as a partition: whoever reads need not wait.
create function make_segment_partitions(first timestamptz, last timestamptz) returns void language plpgsql as $$
declare
  week timestamptz := segment_week(first);
  name text;
begin
  while week <= last loop
    if not exists (select 1 from segment_partitions p where p.starts_at <= week and p.ends_at > week) then
      lock table segment_partitions in share row exclusive mode;
      if not exists (select 1 from segment_partitions p where p.starts_at <= week and p.ends_at > week) then
        name := 'segments_' || to_char(week at time zone 'UTC', 'YYYY_MM_DD');
        execute format('create table %I (like segments including defaults including constraints)', name);
        execute format('alter table %I add primary key (volume, path)', name);
        execute format('alter table segments attach partition %I for values from (%L) to (%L)', name, week, week + interval '168 hours');
        insert into segment_partitions values (name, week, week + interval '168 hours');
      end if;
    end if;
    week := week + interval '168 hours';
  end loop;
end $$;

-- Drops the partitions that end at or before `before` and hold no row; how many. One that somebody reads at the moment stays
-- till the next call.
create function drop_empty_segment_partitions(before timestamptz) returns integer language plpgsql as $$
declare
  oldest timestamptz := coalesce((select starts_at from segments order by starts_at limit 1), 'infinity');
  p record;
  empty boolean;
  dropped integer := 0;
begin
  perform set_config('lock_timeout', '500ms', true);
  for p in select name from segment_partitions where ends_at <= least(before, oldest) order by starts_at loop
    begin
      -- Nobody writes into it from here on; readers are kept out only while it goes.
      execute format('lock table %I in exclusive mode', p.name);
      execute format('select not exists (select 1 from %I)', p.name) into empty;
      if empty then
        execute format('drop table %I', p.name);
        delete from segment_partitions where name = p.name;
        dropped := dropped + 1;
      end if;
    exception when lock_not_available or deadlock_detected then
      null;
    end;
  end loop;
  return dropped;
end $$;

-- The timeline by hours also knows the levels of every second, and the highest of five minutes.
alter table timeline_hours
  add column peaks_5min bytea not null default '',
  add column levels bytea not null default '';  -- one byte a second from the hour's start, up to the last that is known

-- And by days: a month of sixty cameras is 1800 rows.
create table timeline_days (
  camera text     not null,
  stream text     not null,
  day    date     not null, -- UTC
  spans  bigint[] not null, -- as in timeline_hours, µs since the day's start
  peaks  bytea    not null, -- of activity, one byte for five minutes
  primary key (camera, stream, day)
);

-- Makes the days of the hours named in `affected` anew, from timeline_hours.
create function fill_timeline_days(affected json) returns void language sql as $$
  with days as (
    select distinct camera, stream, (to_timestamp(hour) at time zone 'UTC')::date as day
    from json_to_recordset(affected) as x(camera text, stream text, hour bigint))
  delete from timeline_days t using days d where t.camera = d.camera and t.stream = d.stream and t.day = d.day;

  with days as (
    select distinct camera, stream, (to_timestamp(hour) at time zone 'UTC')::date as day
    from json_to_recordset(affected) as x(camera text, stream text, hour bigint)),
  hours as (
    select d.camera, d.stream, d.day, h.number, t.spans, t.peaks_5min
    from days d cross join generate_series(0, 23) as h(number)
      left join timeline_hours t on t.camera = d.camera and t.stream = d.stream
        and t.hour = (d.day::timestamp at time zone 'UTC') + h.number * interval '1 hour'),
  edges as (
    select camera, stream, day, number * 3600000000 + spans[i] as a, number * 3600000000 + spans[i + 1] as b
    from hours, generate_series(1, array_length(spans, 1), 2) as i),
  joints as (
    select camera, stream, day, a, b,
           a - max(b) over (partition by camera, stream, day order by a rows between unbounded preceding and 1 preceding)
             < 500000 as joined
    from edges),
  islands as (
    select camera, stream, day, a, b,
           count(*) filter (where joined is not true) over (partition by camera, stream, day order by a) as island
    from joints),
  spans as (
    select camera, stream, day, island, min(a) as a, max(b) as b from islands group by camera, stream, day, island),
  span_lists as (
    select camera, stream, day, array_agg(edge order by edge) as spans
    from spans, unnest(array[a, b]) as edge group by camera, stream, day),
  peak_lists as (
    select camera, stream, day,
           string_agg(case when length(peaks_5min) = 12 then peaks_5min else '\x000000000000000000000000'::bytea end, ''::bytea
                      order by number) as peaks
    from hours group by camera, stream, day)
  insert into timeline_days (camera, stream, day, spans, peaks)
  select camera, stream, day, spans, peaks from span_lists join peak_lists using (camera, stream, day);
$$;

-- As in 0009, with the levels and peaks that are new, and no look further back than the longest file (48 hours).
create or replace function fill_timeline_hours(affected json) returns void language sql as $$
  delete from timeline_hours t using json_to_recordset(affected) as x(camera text, stream text, hour bigint)
  where t.camera = x.camera and t.stream = x.stream and t.hour = to_timestamp(x.hour);

  with hours as (
    select distinct camera, stream, to_timestamp(hour) as hour
    from json_to_recordset(affected) as x(camera text, stream text, hour bigint)),
  files as (
    select h.camera, h.stream, h.hour, f.activity, f.activity_peak,
           greatest((extract(epoch from f.starts_at - h.hour) * 1000000)::bigint, 0) as a,
           least((extract(epoch from f.ends_at - h.hour) * 1000000)::bigint, 3600000000) as b,
           floor(extract(epoch from f.starts_at - h.hour))::integer as first_second
    from hours h, lateral (
      select starts_at, ends_at, activity, activity_peak from segments s
      where s.camera = h.camera and s.stream = h.stream and s.closed
        and s.starts_at < h.hour + interval '1 hour' and s.ends_at > h.hour
        and s.starts_at >= coalesce((select max(starts_at) from segments m
              where m.camera = h.camera and m.stream = h.stream and m.closed and m.starts_at <= h.hour
                and m.starts_at >= h.hour - interval '48 hours'), h.hour)) f),
  edges as (
    select camera, stream, hour, a, b, activity, first_second,
           a - max(b) over before < 500000 as joined,
           least(greatest(coalesce(max(first_second + length(activity)) over before, 0), 0), 3600) as known_seconds
    from files
    window before as (partition by camera, stream, hour order by a rows between unbounded preceding and 1 preceding)),
  islands as (
    select camera, stream, hour, a, b,
           count(*) filter (where joined is not true) over (partition by camera, stream, hour order by a) as island
    from edges),
  spans as (
    select camera, stream, hour, min(a) as a, max(b) as b from islands group by camera, stream, hour, island),
  span_lists as (
    select camera, stream, hour, array_agg(edge order by edge) as spans
    from spans, unnest(array[a, b]) as edge group by camera, stream, hour),
  -- Seconds that nothing is known of are 0; where two files tell of one second, the first does.
  pieces as (
    select camera, stream, hour, a,
           decode(repeat('00', greatest(first_second - known_seconds, 0)), 'hex') ||
             substring(activity from greatest(known_seconds - first_second, 0) + 1
                       for greatest(3600 - greatest(first_second, known_seconds), 0)) as piece
    from edges
    where first_second + length(activity) > known_seconds),
  level_lists as (
    select camera, stream, hour, string_agg(piece, ''::bytea order by a) as levels from pieces group by camera, stream, hour),
  minutes as (
    select camera, stream, hour, minute, max(activity_peak) as peak
    from files, generate_series(a / 60000000, least((b - 1) / 60000000, 59)) as minute
    group by camera, stream, hour, minute),
  fives as (
    select camera, stream, hour, minute / 5 as five, max(peak) as peak from minutes group by camera, stream, hour, minute / 5),
  peak_lists as (
    select l.camera, l.stream, l.hour,
           string_agg(decode(lpad(to_hex(coalesce(m.peak, 0)), 2, '0'), 'hex'), ''::bytea order by at.minute) as peaks
    from span_lists l cross join generate_series(0, 59) as at(minute)
      left join minutes m on m.camera = l.camera and m.stream = l.stream and m.hour = l.hour and m.minute = at.minute
    group by l.camera, l.stream, l.hour),
  five_lists as (
    select l.camera, l.stream, l.hour,
           string_agg(decode(lpad(to_hex(coalesce(f.peak, 0)), 2, '0'), 'hex'), ''::bytea order by at.five) as peaks_5min
    from span_lists l cross join generate_series(0, 11) as at(five)
      left join fives f on f.camera = l.camera and f.stream = l.stream and f.hour = l.hour and f.five = at.five
    group by l.camera, l.stream, l.hour)
  insert into timeline_hours (camera, stream, hour, spans, peaks, peaks_5min, levels)
  select camera, stream, hour, spans, peaks, peaks_5min, coalesce(levels, '')
  from span_lists join peak_lists using (camera, stream, hour) join five_lists using (camera, stream, hour)
    left join level_lists using (camera, stream, hour);

  select fill_timeline_days(affected);
$$;

-- Makes every hour anew that a closed row which begins on a day (`day`: 00:00 UTC) reaches into.
create function fill_timeline_of_day(day timestamptz) returns void language sql as $$
  select fill_timeline_hours(coalesce(json_agg(json_build_object('camera', camera, 'stream', stream, 'hour', hour)), '[]'::json))
  from (
    select distinct camera, stream, extract(epoch from hour)::bigint as hour
    from segments, generate_series(date_trunc('hour', starts_at, 'UTC'), ends_at, interval '1 hour') as hour
    where closed and starts_at >= day and starts_at < day + interval '24 hours') h;
$$;

-- Every hour and day.
create or replace function fill_all_timeline_hours() returns void language plpgsql as $$
declare
  day timestamptz := date_trunc('day', (select min(starts_at) from segments), 'UTC');
begin
  delete from timeline_hours;
  delete from timeline_days;
  while day is not null loop
    perform fill_timeline_of_day(day);
    day := date_trunc('day', (select min(starts_at) from segments where starts_at >= day + interval '24 hours'), 'UTC');
  end loop;
end $$;

-- Of what was recorded so far: days from its hours. Levels of seconds it has again after `ccoc archive reindex`; until then those
-- of minutes are shown.
update timeline_hours set peaks_5min = (
  select string_agg(decode(lpad(to_hex(peak), 2, '0'), 'hex'), ''::bytea order by five)
  from (select minute / 5 as five, max(get_byte(peaks, minute)) as peak from generate_series(0, 59) as minute group by minute / 5) f)
where length(peaks) = 60;
do $$
declare
  day timestamptz;
begin
  for day in select distinct date_trunc('day', hour, 'UTC') from timeline_hours loop
    perform fill_timeline_days(json_agg(json_build_object('camera', camera, 'stream', stream, 'hour', extract(epoch from day)::bigint)))
    from (select distinct camera, stream from timeline_hours where hour >= day and hour < day + interval '24 hours') t;
  end loop;
end $$;
select make_segment_partitions(now(), now() + interval '168 hours');
