-- People: users, their sessions and keys, and the audit trail. Cameras: the registry and its geography.

create table users (
  id uuid primary key default gen_random_uuid(),
  username text not null constraint username_taken unique constraint username_form check (username ~ '^[a-z0-9._-]{2,40}$'),
  name text not null,
  role text not null check (role in ('administrator', 'investigator', 'operator', 'viewer')),
  password_hash text not null,
  disabled boolean not null default false,
  must_change_password boolean not null default false,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  last_login_at timestamptz
);

-- A session is found by the hash of its cookie; the cookie itself is nowhere in the database.
create table sessions (
  cookie_hash bytea primary key,
  id uuid not null unique default gen_random_uuid(),
  user_id uuid not null references users on delete cascade,
  csrf_token text not null,
  address text not null,
  created_at timestamptz not null,
  last_seen_at timestamptz not null
);
create index sessions_of_user on sessions (user_id);
create index sessions_by_last_seen on sessions (last_seen_at);

create table api_keys (
  id text primary key,
  name text not null,
  user_id uuid not null references users on delete cascade,
  secret_hash bytea not null,
  rights text not null, -- dotted names, separated by blanks
  created_at timestamptz not null,
  expires_at timestamptz,
  last_used_at timestamptz
);
create index api_keys_of_user on api_keys (user_id);

-- Append-only; each line's hash covers the line and the hash before it. `details` is text, so that the bytes
-- that were hashed stay as they were.
create table audit (
  number bigint primary key,
  at timestamptz not null,
  actor text not null,
  action text not null,
  object text not null,
  address text not null,
  details text not null,
  hash bytea not null
);
create index audit_by_time on audit (at);
create index audit_by_object on audit (object, number);

create function refuse_to_change_audit() returns trigger language plpgsql as $$
begin
  raise exception 'the audit trail is append-only';
end
$$;
create trigger audit_is_append_only before update or delete on audit
  for each row execute function refuse_to_change_audit();
create trigger audit_is_never_emptied before truncate on audit
  for each statement execute function refuse_to_change_audit();

-- Grows with every change of any camera, so that a running hub notices what another program changed.
create sequence camera_version;

create table cameras (
  id text primary key constraint camera_id_form check (id ~ '^[a-z0-9-]{1,40}$'),
  name_th text not null,
  name_en text not null,
  owner_kind text not null check (owner_kind in ('public', 'private')),
  owner_name text not null,
  zone text not null,
  community text not null,
  lat double precision check (lat between -90 and 90),
  lon double precision check (lon between -180 and 180),
  heading_deg double precision,
  fov_deg double precision,
  range_m double precision,
  recording_mode text not null check (recording_mode in ('continuous', 'off')),
  retention_days integer not null check (retention_days between 1 and 3650),
  enabled boolean not null,
  approximate boolean not null,
  notes text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  version bigint not null default nextval('camera_version'),
  constraint location_whole check ((lat is null) = (lon is null))
);

create table camera_streams (
  camera_id text not null references cameras on delete cascade,
  role text not null check (role in ('main', 'sub')),
  url text not null,
  username text not null,
  password_sealed text, -- null: none
  primary key (camera_id, role)
);

-- Zones, communities, places and the base map: one GeoJSON feature a row.
create table map_features (
  layer text not null check (layer in ('zones', 'communities', 'places', 'base')),
  id text not null,
  position integer not null, -- order in the file
  feature jsonb not null,
  primary key (layer, id)
);
