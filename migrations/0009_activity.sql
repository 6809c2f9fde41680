-- How much moves, per second of each file (ccoc/archive/activity.h), and the most of it. Of files indexed before it is not
-- known until `ccoc archive reindex`.
alter table segments
  add column activity bytea not null default '',
  add column activity_peak smallint not null default 0;
drop index segments_by_stream;
create index segments_by_stream on segments (camera, stream, starts_at) include (ends_at, bytes, closed, activity_peak);

-- The timeline by hours, made from the closed rows of segments: a day of sixty cameras is 1440 rows instead of 86 400.
create table timeline_hours (
  camera text        not null,
  stream text        not null,
  hour   timestamptz not null,
  spans  bigint[]    not null, -- start, end, start, end …: µs since the hour; files less than 0.5 s apart are one span
  peaks  bytea       not null, -- of activity, one byte a minute
  primary key (camera, stream, hour)
);

-- Makes the hours named in `affected` anew: [{"camera", "stream", "hour" in seconds since 1970}].
create function fill_timeline_hours(affected json) returns void language sql as $$
  delete from timeline_hours t using json_to_recordset(affected) as x(camera text, stream text, hour bigint)
  where t.camera = x.camera and t.stream = x.stream and t.hour = to_timestamp(x.hour);

  with hours as (
    select distinct camera, stream, to_timestamp(hour) as hour
    from json_to_recordset(affected) as x(camera text, stream text, hour bigint)),
  files as (
    select h.camera, h.stream, h.hour, f.activity_peak,
           greatest((extract(epoch from f.starts_at - h.hour) * 1000000)::bigint, 0) as a,
           least((extract(epoch from f.ends_at - h.hour) * 1000000)::bigint, 3600000000) as b
    from hours h, lateral (
      select starts_at, ends_at, activity_peak from segments s
      where s.camera = h.camera and s.stream = h.stream and s.closed
        and s.starts_at < h.hour + interval '1 hour' and s.ends_at > h.hour
        and s.starts_at >= coalesce((select max(starts_at) from segments m
              where m.camera = h.camera and m.stream = h.stream and m.closed and m.starts_at <= h.hour), h.hour)) f),
  edges as (
    select camera, stream, hour, a, b,
           a - max(b) over (partition by camera, stream, hour order by a rows between unbounded preceding and 1 preceding)
             < 500000 as joined
    from files),
  islands as (
    select camera, stream, hour, a, b,
           count(*) filter (where joined is not true) over (partition by camera, stream, hour order by a) as island
    from edges),
  spans as (
    select camera, stream, hour, array[min(a), max(b)] as span from islands group by camera, stream, hour, island),
  span_lists as (
    select camera, stream, hour, array_agg(edge order by edge) as spans
    from spans, unnest(span) as edge group by camera, stream, hour),
  minutes as (
    select camera, stream, hour, minute, max(activity_peak) as peak
    from files, generate_series(a / 60000000, least((b - 1) / 60000000, 59)) as minute
    group by camera, stream, hour, minute),
  peak_lists as (
    select l.camera, l.stream, l.hour,
           string_agg(decode(lpad(to_hex(coalesce(m.peak, 0)), 2, '0'), 'hex'), ''::bytea order by at.minute) as peaks
    from span_lists l cross join generate_series(0, 59) as at(minute)
      left join minutes m on m.camera = l.camera and m.stream = l.stream and m.hour = l.hour and m.minute = at.minute
    group by l.camera, l.stream, l.hour)
  insert into timeline_hours (camera, stream, hour, spans, peaks)
  select camera, stream, hour, spans, peaks from span_lists join peak_lists using (camera, stream, hour);
$$;

-- Every hour that a closed row of segments reaches into.
create function fill_all_timeline_hours() returns void language sql as $$
  delete from timeline_hours;
  select fill_timeline_hours(coalesce(json_agg(json_build_object('camera', camera, 'stream', stream, 'hour', hour)), '[]'::json))
  from (
    select distinct camera, stream, extract(epoch from hour)::bigint as hour
    from segments, generate_series(date_trunc('hour', starts_at, 'UTC'), ends_at, interval '1 hour') as hour
    where closed) h;
$$;
select fill_all_timeline_hours();
