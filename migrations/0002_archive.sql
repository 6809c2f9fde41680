-- The index of the footage. The files are the truth: these tables can be made anew from them
-- (ccoc archive reindex), and lag a second behind while recording.

create table segments (
  volume    text        not null,
  path      text        not null,
  camera    text        not null,
  stream    text        not null,
  starts_at timestamptz not null,
  ends_at   timestamptz not null,
  bytes     bigint      not null,
  run       bigint      not null,
  closed    boolean     not null,
  primary key (volume, path),
  check (ends_at >= starts_at),
  check (bytes >= 0)
);
-- Playback and timeline, answered from the index alone.
create index segments_by_stream on segments (camera, stream, starts_at) include (ends_at, bytes, closed);
-- Retention by quota.
create index segments_by_age on segments (starts_at);
-- Recovery after a crash; holds one row per stream.
create index segments_open on segments (volume, path) where not closed;

create table gaps (
  camera    text        not null,
  stream    text        not null,
  starts_at timestamptz not null,
  ends_at   timestamptz,            -- null while it lasts
  cause     text        not null,
  reason    text        not null,
  primary key (camera, stream, starts_at),
  check (ends_at is null or ends_at >= starts_at)
);
create index gaps_open on gaps (camera, stream) where ends_at is null;
