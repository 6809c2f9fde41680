import { describe, expect, it } from 'vitest';
import { parseServerMessage, wirePosition } from './messages';

describe('parseServerMessage', () => {
  it('reads subscribed', () => {
    expect(parseServerMessage('{"op":"subscribed","id":1,"codec":"avc1.640028","width":1920,"height":1080,"timescale":90000}'))
      .toEqual({ op: 'subscribed', id: 1, codec: 'avc1.640028', width: 1920, height: 1080, timescale: 90000, transcoded: false });
  });
  it('reads that a picture was made for this viewer', () => {
    expect(parseServerMessage('{"op":"subscribed","id":1,"codec":"avc1.42c01f","transcoded":true}')).toMatchObject({ transcoded: true });
  });
  it('reads a gap with its cause', () => {
    expect(parseServerMessage('{"op":"state","id":3,"state":"gap","cause":"camera","to":"2026-07-27T00:00:00.000Z"}'))
      .toMatchObject({ op: 'state', id: 3, state: 'gap', cause: 'camera', to: '2026-07-27T00:00:00.000Z' });
  });
  it('reads a problem, nested or flat', () => {
    const nested = parseServerMessage('{"op":"error","id":2,"error":{"status":403,"title":"Forbidden"}}');
    const flat = parseServerMessage('{"op":"error","id":2,"status":403,"title":"Forbidden"}');
    expect(nested).toEqual(flat);
    expect(nested).toMatchObject({ id: 2, problem: { status: 403, title: 'Forbidden' } });
  });
  it.each(['', '[]', 'null', '{"op":"subscribed"}', '{"op":"state","id":"1"}', '{"op":"later","id":1}', '{'])(
    'ignores %s', (source) => {
      expect(parseServerMessage(source)).toBeNull();
    });
});

it('writes positions in UTC with milliseconds', () => {
  expect(wirePosition('live')).toBe('live');
  expect(wirePosition(new Date(0))).toBe('1970-01-01T00:00:00.000Z');
});
