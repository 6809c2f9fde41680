import { describe, expect, it } from 'vitest';
import { clampOffset, columnsFor, mostTogether, readChoice, toggleChoice } from './choice';

describe('the cameras seen together', () => {
  it('are those of the address that are known, each once', () => {
    expect(readChoice('cam02,cam01,gone,cam02,', (id) => id !== 'gone')).toEqual(['cam02', 'cam01']);
    expect(readChoice(null, () => true)).toEqual([]);
  });
  it('are at most sixteen', () => {
    const many = Array.from({ length: 20 }, (_, index) => `cam${index}`);
    expect(readChoice(many.join(','), () => true)).toHaveLength(mostTogether);
    expect(toggleChoice(many.slice(0, mostTogether), 'more')).toEqual(many.slice(0, mostTogether));
    expect(toggleChoice(['cam1', 'cam2'], 'cam1')).toEqual(['cam2']);
  });
  it('stand in the smallest square', () => {
    expect([1, 2, 4, 5, 9, 16].map(columnsFor)).toEqual([1, 2, 2, 3, 3, 4]);
  });
  it('are moved by whole milliseconds, at most a minute', () => {
    expect([clampOffset(-1e9), clampOffset(12.6), clampOffset(Number.NaN)]).toEqual([-60_000, 13, 0]);
  });
});
