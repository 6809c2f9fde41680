import { expect, it } from 'vitest';
import { codecName, formatBits, formatBytes } from './units';

it('writes sizes and rates with fitting units', () => {
  expect(formatBytes(0)).toBe('0 B');
  expect(formatBytes(1536)).toBe('1.5 KiB');
  expect(formatBytes(8e12)).toBe('7.3 TiB');
  expect(formatBits(4_012_000)).toBe('4.0 Mbit/s');
  expect(formatBits(305_000)).toBe('305 kbit/s');
});

it('names codecs as people do', () => {
  expect(codecName('avc1.640028')).toBe('H.264');
  expect(codecName('hvc1.1.6.L93.B0')).toBe('H.265');
  expect(codecName('h264')).toBe('H.264');
  expect(codecName('mjpeg')).toBe('MJPEG');
  expect(codecName(null)).toBe('');
});
