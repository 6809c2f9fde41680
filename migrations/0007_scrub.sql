-- How far each volume was read back, and what was found not to be as it was written.
create table scrubs (
  volume         text        primary key,
  round_began_at timestamptz not null,
  reached_at     timestamptz not null, -- segments are read in the order of starts_at, path
  reached_path   text        not null,
  last_round_ended_at timestamptz
);

create table damage (
  volume    text        not null,
  path      text        not null,
  "offset"  bigint      not null, -- of the fragment in the file
  camera    text        not null,
  stream    text        not null,
  starts_at timestamptz not null,
  ends_at   timestamptz not null,
  detail    text        not null,
  found_at  timestamptz not null,
  primary key (volume, path, "offset")
);
