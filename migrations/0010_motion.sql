-- Whether it is looked for movement in a camera's pictures, and where there was some.
alter table cameras add column motion boolean not null default false;

-- One row a minute in which something moved.
create table motion (
  camera text        not null,
  minute timestamptz not null,
  looks  bytea       not null, -- 19 bytes each: second in the minute, then 16×9 cells, row by row, the highest bit first
  primary key (camera, minute)
);
