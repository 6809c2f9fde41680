import { describe, expect, it } from 'vitest';
import { bytesOfHex, schedule } from './sound';

describe('schedule', () => {
  it('begins a moment later, so that the next piece is there when it is due', () => {
    expect(schedule(10, 0)).toBeCloseTo(10.12);
  });
  it('joins piece to piece', () => {
    expect(schedule(10, 10.1)).toBe(10.1);
  });
  it('begins anew after a hole', () => {
    expect(schedule(12, 10.1)).toBeCloseTo(12.12);
  });
  it('leaves out what would put the sound behind the pictures', () => {
    expect(schedule(10, 10.6)).toBeNull();
  });
});

describe('bytesOfHex', () => {
  it('reads an AudioSpecificConfig', () => {
    expect([...bytesOfHex('1408')]).toEqual([0x14, 0x08]);
    expect(bytesOfHex('').length).toBe(0);
  });
});
