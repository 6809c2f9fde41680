-- Where footage is besides where it was written, and what was promised of it.
alter table cameras
  add column min_days integer not null default 0 check (min_days between 0 and 3650), -- kept at least; 0: nothing was promised
  add column copies integer not null default 1 check (copies in (1, 2));              -- volumes that hold its footage

-- A file under way to another volume: written before its first byte, removed after its last trace.
create table moves (
  volume text not null,
  path   text not null,
  target text not null, -- volume
  primary key (volume, path)
);

-- A second file with the same content, on another volume.
create table copies (
  volume      text not null, -- of the first
  path        text not null,
  copy_volume text not null,
  copy_path   text not null,
  primary key (volume, path, copy_volume)
);
