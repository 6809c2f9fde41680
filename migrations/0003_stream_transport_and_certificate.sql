-- How a stream is asked for, and the certificate its camera showed at the first rtsps connection.
alter table camera_streams
  add column transport text not null default 'auto' check (transport in ('auto', 'tcp', 'udp')),
  add column certificate_sha256 text not null default ''; -- lower-case hex; '': none yet
