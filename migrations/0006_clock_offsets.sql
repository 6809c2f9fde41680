-- How each camera's clock stood against the hub's, by its sender reports.
create table clock_offsets (
  camera_id text not null references cameras (id) on delete cascade,
  stream text not null,
  at timestamptz not null,
  offset_ms bigint not null, -- camera's clock minus the hub's
  primary key (camera_id, stream, at)
);
