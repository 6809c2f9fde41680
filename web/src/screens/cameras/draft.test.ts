import { describe, expect, it } from 'vitest';
import type { Camera } from '../../api/types';
import { byField, check, emptyDraft, toDraft, toNew, toPatch, type Draft } from './draft';
import { filterCameras, matches } from './filter';

const camera: Camera = {
  id: 'cam01', name: { th: 'ประตูช้างเผือก', en: 'Chang Phueak Gate' }, owner: { kind: 'private', name: 'ร้านทอง' },
  zone: 'economic', community: null, location: { lat: 18.79543, lon: 98.98659, heading_deg: 90, fov_deg: null, range_m: null },
  streams: [{ role: 'main', url: 'rtsp://192.0.2.1/1', username: 'u', has_password: true, transport: 'auto', certificate_sha256: '', client: 'native' }],
  recording: { mode: 'continuous', retention_days: 30 }, audio: true, motion: { enabled: false }, playback_offset_ms: 0, enabled: true, approximate: false, notes: '',
  created_at: '2026-07-27T00:00:00.000Z', updated_at: '2026-07-27T00:00:00.000Z',
};
const filled = (change: Partial<Draft> = {}): Draft => ({ ...toDraft(camera), ...change });

describe('check', () => {
  it('has nothing against a whole camera', () => {
    expect(check(filled())).toEqual({});
  });
  it('wants id, name and main stream', () => {
    expect(Object.keys(check(emptyDraft())).sort()).toEqual(['id', 'name.th', 'streams[0].url']);
  });
  it.each([
    ['id', { id: 'กล้อง 1' }], ['location.lat', { lat: '98.98' }], ['location.lon', { lon: '' }],
    ['location.heading_deg', { heading: '360' }], ['recording.retention_days', { retention: '0' }], ['location.lat', { lat: 'x' }],
  ] as [string, Partial<Draft>][])('finds %s wrong in %j', (field, change) => {
    expect(Object.keys(check(filled(change)))).toEqual([field]);
  });
  it('refuses another scheme', () => {
    expect(check(filled({ sub: { url: 'gopher://x/', username: '', password: '', hasPassword: false, transport: 'auto', certificate: '', client: 'native' } }))).toHaveProperty(['streams[1].url']);
  });
});

describe('what is sent', () => {
  it('leaves a password alone that was not typed', () => {
    expect(toPatch(filled()).streams).toEqual([
      { role: 'main', url: 'rtsp://192.0.2.1/1', username: 'u', transport: 'auto', certificate_sha256: '', client: 'native' },
    ]);
  });
  it('sends a typed password and clears an emptied position', () => {
    const draft = filled({ lat: '', lon: '', heading: '' });
    draft.main.password = 'secret';
    const patch = toPatch(draft);
    expect(patch.streams?.[0]?.password).toBe('secret');
    expect(patch.location).toBeNull();
  });
  it('fills the name of the other language', () => {
    expect(toNew(filled({ nameEn: '' })).name.en).toBe('ประตูช้างเผือก');
  });
});

it('keeps complaints about unknown fields', () => {
  expect(byField([{ field: 'id', message: 'taken' }, { field: 'colour', message: 'unknown' }], ['id']))
    .toEqual({ id: 'taken', '': 'colour: unknown' });
});

describe('finding cameras', () => {
  it('matches every word in any field', () => {
    expect(matches(camera, 'gate CAM01')).toBe(true);
    expect(matches(camera, 'ทอง')).toBe(true);
    expect(matches(camera, 'gate market')).toBe(false);
  });
  it('filters by zone and state', () => {
    const filter = { search: '', zone: 'economic', state: 'offline' as const };
    expect(filterCameras([camera], filter, () => 'offline')).toHaveLength(1);
    expect(filterCameras([camera], filter, () => 'live')).toHaveLength(0);
    expect(filterCameras([camera], { ...filter, zone: 'risk' }, () => 'offline')).toHaveLength(0);
  });
});
