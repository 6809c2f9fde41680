import { describe, expect, it } from 'vitest';
import { around, clampView, following, longestMs, nextStart, pan, reveal, shortestMs, stretchAt, ticks, timeAt, xAt, zoomAt } from './timeline';

const now = Date.parse('2026-07-27T05:00:00Z');
const hour = 3600_000;
const view = { from: now - 3 * hour, to: now - 2 * hour };

describe('geometry', () => {
  it('finds the pixel of a time and back', () => {
    expect(xAt(view, 1000, now - 2.5 * hour)).toBe(500);
    expect(timeAt(view, 1000, 250)).toBe(now - 2.75 * hour);
  });
  it('keeps the time under the pointer while zooming', () => {
    const before = timeAt(view, 1000, 300);
    expect(timeAt(zoomAt(view, 1000, 300, 0.5, now), 1000, 300)).toBeCloseTo(before, 3);
    expect(timeAt(zoomAt(view, 1000, 300, 1.5, now), 1000, 300)).toBeCloseTo(before, 3);
  });
  it('has a shortest and a longest view', () => {
    const near = zoomAt(view, 1000, 500, 1e-9, now);
    expect(near.to - near.from).toBeCloseTo(shortestMs, 3);
    const far = zoomAt(view, 1000, 500, 1e9, now);
    expect(far.to - far.from).toBeCloseTo(longestMs, 3);
  });
  it('shows hardly any future', () => {
    const moved = pan(view, 100 * hour, now);
    expect(moved.to - now).toBeLessThan(0.1 * hour);
    expect(moved.to).toBeGreaterThan(now);
    expect(moved.to - moved.from).toBe(hour);
  });
  it('follows the present', () => {
    const followed = following(hour, now);
    expect(followed.from).toBeLessThan(now);
    expect(followed.to).toBeGreaterThan(now);
    expect(followed.to - followed.from).toBe(hour);
  });
  it('moves only when the time is outside', () => {
    expect(reveal(view, now - 2.5 * hour, now)).toBe(view);
    const moved = reveal(view, now - 10 * hour, now);
    expect((moved.from + moved.to) / 2).toBe(now - 10 * hour);
    expect(around(now - 5 * hour, hour, now)).toEqual({ from: now - 5.5 * hour, to: now - 4.5 * hour });
  });
  it('leaves a valid view alone', () => {
    expect(clampView(view, now)).toEqual(view);
  });
});

describe('ticks', () => {
  it('stand at round moments in Bangkok', () => {
    const day = { from: Date.parse('2026-07-26T12:00:00Z'), to: Date.parse('2026-07-27T12:00:00Z') };
    const found = ticks(day, 1000);
    expect(found.find((tick) => tick.label === 'day')?.time).toBe(Date.parse('2026-07-26T17:00:00Z'));
    expect(found.length).toBeLessThanOrEqual(12);
  });
  it('show seconds when near', () => {
    expect(ticks({ from: now, to: now + 30_000 }, 1000).every((tick) => tick.label === 'seconds')).toBe(true);
  });
});

describe('stretches', () => {
  const spans = [{ from: 0, to: 10 }, { from: 20, to: 30 }];
  it('finds the one that holds a time', () => {
    expect(stretchAt(spans, 9)).toBe(spans[0]);
    expect(stretchAt(spans, 10)).toBeUndefined();
  });
  it('finds where footage begins again', () => {
    expect(nextStart(spans, 12)).toBe(20);
    expect(nextStart(spans, 25)).toBeUndefined();
  });
});
