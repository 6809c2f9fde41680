import { describe, expect, it } from 'vitest';
import { Backoff } from './backoff';
import { FreezeWatch, frozenAfterMs } from './watchdog';

const steady = () => new Backoff(2_000, 30_000, () => 1);

describe('FreezeWatch', () => {
  it('is quiet while frames come', () => {
    const watch = new FreezeWatch(0, steady());
    watch.frame(4_000);
    expect(watch.check(8_900)).toBe(false);
    expect(watch.frozen).toBe(false);
  });
  it('says frozen after five seconds and asks again, ever more rarely', () => {
    const watch = new FreezeWatch(0, steady());
    expect(watch.check(frozenAfterMs)).toBe(true);
    expect(watch.frozen).toBe(true);
    expect(watch.check(frozenAfterMs + 1_999)).toBe(false);
    expect(watch.check(frozenAfterMs + 2_000)).toBe(true);
    expect(watch.check(frozenAfterMs + 5_999)).toBe(false);
    expect(watch.check(frozenAfterMs + 6_000)).toBe(true);
  });
  it('is well again with the first frame', () => {
    const watch = new FreezeWatch(0, steady());
    watch.check(frozenAfterMs);
    watch.frame(6_000);
    expect(watch.frozen).toBe(false);
    expect(watch.check(10_000)).toBe(false);
  });
  it('does not call a pause frozen', () => {
    const watch = new FreezeWatch(0, steady());
    watch.excuse(60_000);
    expect(watch.check(64_000)).toBe(false);
  });
});

describe('Backoff', () => {
  it('doubles up to its limit', () => {
    const backoff = new Backoff(500, 3_000, () => 1);
    expect([backoff.next(), backoff.next(), backoff.next(), backoff.next()]).toEqual([500, 1_000, 2_000, 3_000]);
    backoff.reset();
    expect(backoff.next()).toBe(500);
  });
  it('spreads over the upper half', () => {
    expect(new Backoff(1_000, 9_000, () => 0).next()).toBe(500);
  });
});
