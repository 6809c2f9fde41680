-- Footage that retention must not take.
create table holds (
  id          bigint generated always as identity primary key,
  camera      text        not null, -- of the footage; the camera itself may be gone
  starts_at   timestamptz not null,
  ends_at     timestamptz not null,
  reason      text        not null,
  created_by  text        not null,
  created_at  timestamptz not null,
  released_at timestamptz,
  released_by text,
  check (ends_at > starts_at)
);
create index holds_in_force on holds (camera, starts_at) where released_at is null;
