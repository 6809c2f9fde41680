import { describe, expect, it } from 'vitest';
import { headerBytes, parseUnit } from './header';

function message(version: number, flags: number, payload: number[] = []): ArrayBuffer {
  const buffer = new ArrayBuffer(headerBytes + payload.length);
  const view = new DataView(buffer);
  view.setUint8(0, version);
  view.setUint8(1, flags);
  view.setUint16(2, 0xfffe);
  view.setUint32(4, 0xfffffff0);
  view.setBigInt64(8, 1_785_000_000_123_456n);
  view.setBigInt64(16, -90_000n);
  new Uint8Array(buffer).set(payload, headerBytes);
  return buffer;
}

describe('parseUnit', () => {
  it('reads every field in network byte order', () => {
    const unit = parseUnit(message(1, 1 | 8, [0, 0, 0, 1, 0x65]))!;
    expect(unit).toMatchObject({
      id: 0xfffe, sequence: 0xfffffff0, captureUs: 1_785_000_000_123_456, mediaTime: -90_000,
      key: true, discontinuity: false, init: false, skipped: true, audio: false, preroll: false,
    });
    expect([...unit.payload]).toEqual([0, 0, 0, 1, 0x65]);
  });
  it.each([[1, 'key'], [2, 'discontinuity'], [4, 'init'], [8, 'skipped'], [16, 'audio'], [32, 'preroll']] as const)(
    'flag %i means %s', (flag, name) => {
      const unit = parseUnit(message(1, flag))!;
      const names = ['key', 'discontinuity', 'init', 'skipped', 'audio', 'preroll'] as const;
      expect(names.filter((each) => unit[each])).toEqual([name]);
    });
  it('takes a unit without payload', () => {
    expect(parseUnit(message(1, 0))!.payload.byteLength).toBe(0);
  });
  it('refuses another version and a torn header', () => {
    expect(parseUnit(message(2, 0))).toBeNull();
    expect(parseUnit(message(1, 0).slice(0, headerBytes - 1))).toBeNull();
  });
});
