-- Who receives a stream that comes by RTSP.
alter table camera_streams
  add column client text not null default 'native' check (client in ('native', 'gstreamer'));
