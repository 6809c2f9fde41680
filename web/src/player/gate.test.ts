import { describe, expect, it } from 'vitest';
import { DecodeGate } from './gate';

const unit = (sequence: number, key = false, discontinuity = false) => ({ sequence, key, discontinuity });

describe('DecodeGate', () => {
  it('begins with a key frame', () => {
    const gate = new DecodeGate();
    expect(gate.judge(unit(1), 0)).toBe('drop');
    expect(gate.judge(unit(2, true), 0)).toBe('decode');
    expect(gate.judge(unit(3), 0)).toBe('decode');
  });
  it('decodes a burst after a key frame to its end', () => {
    const gate = new DecodeGate(4, 100);
    const verdicts = Array.from({ length: 50 }, (_, index) => gate.judge(unit(index, index === 0), index));
    expect(new Set(verdicts)).toEqual(new Set(['decode']));
  });
  it('leaves what it holds for the next key frame when it is behind', () => {
    const gate = new DecodeGate(4, 100);
    gate.judge(unit(1, true), 0);
    expect(gate.judge(unit(2), 4)).toBe('decode');
    expect(gate.judge(unit(3, true), 5)).toBe('reset-and-decode');
  });
  it('drops up to the next key frame when it is full', () => {
    const gate = new DecodeGate(4, 8);
    gate.judge(unit(1, true), 0);
    expect(gate.judge(unit(2), 8)).toBe('drop');
    expect(gate.judge(unit(3), 2)).toBe('drop');
    expect(gate.judge(unit(4, true), 1)).toBe('decode');
    expect(gate.dropped).toBe(2);
  });
  it('waits for a key frame where a unit is missing', () => {
    const gate = new DecodeGate();
    gate.judge(unit(1, true), 0);
    expect(gate.judge(unit(3), 0)).toBe('drop');
    expect(gate.waitingForKey).toBe(true);
    expect(gate.judge(unit(4, true), 0)).toBe('decode');
  });
  it('throws away the old moment at a discontinuity', () => {
    const gate = new DecodeGate();
    gate.judge(unit(1, true), 0);
    expect(gate.judge(unit(2, true, true), 3)).toBe('reset-and-decode');
  });
  it('lets the sequence wrap', () => {
    const gate = new DecodeGate();
    gate.judge(unit(0xffffffff, true), 0);
    expect(gate.judge(unit(0), 0)).toBe('decode');
  });
  it('forgets on reset', () => {
    const gate = new DecodeGate();
    gate.judge(unit(1, true), 0);
    gate.reset();
    expect(gate.judge(unit(9), 0)).toBe('drop');
    expect(gate.judge(unit(10, true), 0)).toBe('decode');
  });
});
