-- How much later than its own times a camera's footage is shown beside others (its pictures reach the hub early or late).
alter table cameras add column playback_offset_ms integer not null default 0;
