// The camera form as text, its checks before the hub's own, and what is sent. Field names are the hub's
// (`streams[0].url`), so that its complaints and ours stand at the same place.
import type { Camera, CameraPatch, FieldError, NewCamera } from '../../api/types';
import type { TextKey } from '../../i18n';

export type Transport = 'auto' | 'tcp' | 'udp';
export type Client = 'native' | 'gstreamer';
export interface StreamDraft {
  url: string; username: string; password: string; hasPassword: boolean;
  transport: Transport;
  /** rtsps: what the hub accepts; empty for the next one the camera shows. */
  certificate: string;
  /** Who receives RTSP. */
  client: Client;
}

export interface Draft {
  id: string;
  nameTh: string; nameEn: string;
  ownerKind: 'public' | 'private'; ownerName: string;
  zone: string; community: string;
  lat: string; lon: string; heading: string; fov: string; range: string;
  main: StreamDraft; sub: StreamDraft;
  mode: 'continuous' | 'off'; retention: string; minimum: string; copies: string;
  audio: boolean; motion: boolean; enabled: boolean; approximate: boolean; notes: string;
}

const noStream: StreamDraft = { url: '', username: '', password: '', hasPassword: false, transport: 'auto', certificate: '', client: 'native' };

export function emptyDraft(): Draft {
  return {
    id: '', nameTh: '', nameEn: '', ownerKind: 'public', ownerName: '', zone: '', community: '',
    lat: '', lon: '', heading: '', fov: '', range: '', main: { ...noStream }, sub: { ...noStream },
    mode: 'continuous', retention: '30', minimum: '0', copies: '1', audio: true, motion: false, enabled: true, approximate: false, notes: '',
  };
}

const text = (value: number | null | undefined) => (value === null || value === undefined ? '' : String(value));

export function toDraft(camera: Camera): Draft {
  const stream = (role: 'main' | 'sub'): StreamDraft => {
    const found = camera.streams.find((each) => each.role === role);
    return found
      ? {
        url: found.url, username: found.username, password: '', hasPassword: found.has_password,
        transport: found.transport, certificate: found.certificate_sha256, client: found.client,
      }
      : { ...noStream };
  };
  return {
    id: camera.id, nameTh: camera.name.th, nameEn: camera.name.en,
    ownerKind: camera.owner.kind, ownerName: camera.owner.name,
    zone: camera.zone ?? '', community: camera.community ?? '',
    lat: text(camera.location?.lat), lon: text(camera.location?.lon),
    heading: text(camera.location?.heading_deg), fov: text(camera.location?.fov_deg), range: text(camera.location?.range_m),
    main: stream('main'), sub: stream('sub'),
    mode: camera.recording.mode, retention: String(camera.recording.retention_days),
    minimum: String(camera.recording.min_days ?? 0), copies: String(camera.recording.copies ?? 1),
    audio: camera.audio, motion: camera.motion.enabled, enabled: camera.enabled, approximate: camera.approximate, notes: camera.notes,
  };
}

export type Problems = Record<string, { key: TextKey; values?: Record<string, number> }>;

/** Empty where the draft can be sent. */
export function check(draft: Draft): Problems {
  const problems: Problems = {};
  if (!/^[a-z0-9-]{1,40}$/.test(draft.id)) problems.id = { key: draft.id ? 'form.id.wrong' : 'form.required' };
  if (!draft.nameTh.trim() && !draft.nameEn.trim()) problems['name.th'] = { key: 'form.required' };

  const number = (field: string, value: string, min: number, max: number, required: boolean) => {
    if (!value.trim()) {
      if (required) problems[field] = { key: 'form.required' };
      return;
    }
    const read = Number(value);
    if (!Number.isFinite(read) || read < min || read > max) problems[field] = { key: 'form.number', values: { min, max } };
  };
  const placed = [draft.lat, draft.lon, draft.heading, draft.fov, draft.range].some((value) => value.trim());
  number('location.lat', draft.lat, -90, 90, placed);
  number('location.lon', draft.lon, -180, 180, placed);
  number('location.heading_deg', draft.heading, 0, 359.99, false);
  number('location.fov_deg', draft.fov, 1, 360, false);
  number('location.range_m', draft.range, 1, 5000, false);
  number('recording.retention_days', draft.retention, 1, 3650, true);
  number('recording.min_days', draft.minimum, 0, 3650, true);

  const address = (field: string, url: string, required: boolean) => {
    if (!url.trim()) {
      if (required) problems[field] = { key: 'form.required' };
    } else if (!/^((rtsps?|srt|rtmps?|https?):\/\/[^\s/]+|file:\/\/\/\S+|whip:(\/\/)?$)/i.test(url.trim())) problems[field] = { key: 'form.url.wrong' };
  };
  address('streams[0].url', draft.main.url, true);
  address('streams[1].url', draft.sub.url, false);
  return problems;
}

/** Passwords only where one was typed: an absent one stays as it is. */
export function toNew(draft: Draft): NewCamera {
  const optional = (value: string) => (value.trim() ? Number(value) : null);
  const stream = (role: 'main' | 'sub', from: StreamDraft) => ({
    role, url: from.url.trim(),
    ...(from.username.trim() || from.hasPassword ? { username: from.username.trim() } : {}),
    ...(from.password ? { password: from.password } : {}),
    transport: from.transport,
    certificate_sha256: from.certificate,
    client: from.client,
  });
  return {
    id: draft.id,
    name: { th: draft.nameTh.trim() || draft.nameEn.trim(), en: draft.nameEn.trim() || draft.nameTh.trim() },
    owner: { kind: draft.ownerKind, name: draft.ownerName.trim() },
    zone: draft.zone || null,
    community: draft.community || null,
    location: draft.lat.trim()
      ? { lat: Number(draft.lat), lon: Number(draft.lon), heading_deg: optional(draft.heading), fov_deg: optional(draft.fov), range_m: optional(draft.range) }
      : null,
    streams: [stream('main', draft.main), ...(draft.sub.url.trim() ? [stream('sub', draft.sub)] : [])],
    recording: { mode: draft.mode, retention_days: Number(draft.retention), min_days: Number(draft.minimum), copies: Number(draft.copies) },
    audio: draft.audio,
    motion: { enabled: draft.motion },
    enabled: draft.enabled,
    approximate: draft.approximate,
    notes: draft.notes,
  };
}

/** Everything but the id. */
export function toPatch(draft: Draft): CameraPatch {
  const { id: _, ...patch } = toNew(draft);
  return patch;
}

/** The hub's complaints by field; those about no known field come together under the empty name. */
export function byField(errors: readonly FieldError[], known: readonly string[]): Record<string, string> {
  const result: Record<string, string> = {};
  for (const { field, message } of errors) {
    const at = known.includes(field) ? field : '';
    result[at] = result[at] ? `${result[at]} · ${message}` : at ? message : field ? `${field}: ${message}` : message;
  }
  return result;
}

export const fields = [
  'id', 'name.th', 'name.en', 'owner.name', 'owner.kind', 'zone', 'community', 'location.lat', 'location.lon', 'location.heading_deg',
  'location.fov_deg', 'location.range_m', 'streams[0].url', 'streams[1].url', 'recording.retention_days', 'recording.min_days', 'recording.copies', 'notes',
] as const;
