-- Whether a camera's sound is taken along with its pictures.
alter table cameras add column audio boolean not null default true;
