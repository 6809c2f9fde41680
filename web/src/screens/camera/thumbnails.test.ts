import { describe, expect, it } from 'vitest';
import { ApiError } from '../../api/client';
import { slotMs, nearestFootage, stripTimes, Thumbnails, thumbnailTime, type Thumbnail } from './thumbnails';

const t0 = 1_800_000_000_000;

describe('the instant of a thumbnail', () => {
  const spans = [{ from: t0 + 3_000.4, to: t0 + 60_000 }];
  it('is shared by neighbours', () => {
    expect(thumbnailTime(spans, t0 + 21_000)).toBe(t0 + 20_000);
    expect(thumbnailTime(spans, t0 + 29_999)).toBe(t0 + 20_000);
  });
  it('is never before the footage', () => {
    expect(thumbnailTime(spans, t0 + 9_000)).toBe(t0 + 3_001);
    expect(thumbnailTime(spans, t0 + 3_000.5)).toBe(t0 + 3_000.5);
  });
  it('is none where nothing is recorded', () => {
    expect(thumbnailTime(spans, t0 + 2_000)).toBeNull();
    expect(thumbnailTime(spans, t0 + 60_000)).toBeNull();
    expect(thumbnailTime([], t0)).toBeNull();
  });
  it('stands in the middle of each part of a strip', () => {
    expect(stripTimes({ from: 0, to: 100 }, 4)).toEqual([12.5, 37.5, 62.5, 87.5]);
  });
});

/** A hub whose answers a test gives one by one. */
function stage() {
  const asked: { time: number; answer: (blob: Blob) => void; refuse: (error: unknown) => void }[] = [];
  const dropped: string[] = [];
  let clock = 0;
  let urls = 0;
  const thumbnails = new Thumbnails({
    fetch: (time) => new Promise((answer, refuse) => asked.push({ time, answer, refuse })),
    makeUrl: () => `blob:${urls++}`,
    dropUrl: (url) => dropped.push(url),
    wait: async () => {},
  }, () => clock);
  const watch = (time: number) => {
    const seen: Thumbnail[] = [];
    return { seen, stop: thumbnails.watch(time, (each) => seen.push(each)) };
  };
  const settle = () => new Promise((resolve) => setTimeout(resolve, 0));
  return { asked, dropped, thumbnails, watch, settle, pass: (ms: number) => { clock += ms; } };
}

describe('the store of thumbnails', () => {
  it('asks once for each, one at a time, and the last wish first', async () => {
    const { asked, watch, settle } = stage();
    const first = watch(1 * slotMs);
    watch(2 * slotMs);
    watch(3 * slotMs);
    const again = watch(1 * slotMs);
    expect(asked.map((each) => each.time)).toEqual([slotMs]);
    asked[0]!.answer(new Blob());
    await settle();
    expect(first.seen.at(-1)).toEqual({ state: 'ready', url: 'blob:0' });
    expect(again.seen.at(-1)).toEqual({ state: 'ready', url: 'blob:0' });
    expect(asked.map((each) => each.time / slotMs)).toEqual([1, 3]);
  });

  it('does not ask for what nobody looks at any more', async () => {
    const { asked, watch, settle } = stage();
    watch(1 * slotMs);
    watch(2 * slotMs).stop();
    watch(3 * slotMs);
    asked[0]!.answer(new Blob());
    await settle();
    asked[1]!.answer(new Blob());
    await settle();
    expect(asked.map((each) => each.time / slotMs)).toEqual([1, 3]);
  });

  it('tells a gap from a failure, tries a busy hub again, and a failed one when somebody looks later', async () => {
    const { asked, watch, settle, pass } = stage();
    const gap = watch(1);
    asked[0]!.refuse(new ApiError({ status: 404 }));
    await settle();
    expect(gap.seen.at(-1)).toEqual({ state: 'gap' });
    const busy = watch(2);
    asked[1]!.refuse(new ApiError({ status: 429 }));
    await settle();
    asked[2]!.refuse(new ApiError({ status: 500 }));
    await settle();
    expect(busy.seen.map((each) => each.state)).toEqual(['loading', 'failed']);
    expect(watch(2).seen).toEqual([{ state: 'failed' }]);
    pass(6_000);
    expect(watch(2).seen).toEqual([{ state: 'loading' }]);
    expect(asked.length).toBe(4);
  });

  it('keeps a bounded number and lets go of all when closed', async () => {
    const { asked, dropped, thumbnails, watch, settle } = stage();
    for (let i = 0; i < 300; i += 1) {
      const { stop } = watch(i);
      asked.at(-1)!.answer(new Blob());
      await settle();
      stop();
    }
    expect(dropped.length).toBe(60);
    expect(dropped[0]).toBe('blob:0');
    thumbnails.close();
    expect(dropped.length).toBe(300);
  });
});

describe('nearestFootage', () => {
  const spans = [{ from: 1000.5, to: 2000 }, { from: 5000, to: 6000 }];
  it('is the middle where that was recorded', () => { expect(nearestFootage(spans, 1500, 100)).toBe(1500); });
  it('is the nearest that lies within the part', () => {
    expect(nearestFootage(spans, 2500, 600)).toBe(1999);
    expect(nearestFootage(spans, 4600, 600)).toBe(5000);
    expect(nearestFootage(spans, 900, 600)).toBe(1001);
  });
  it('is the middle where the part holds nothing', () => {
    expect(nearestFootage(spans, 3500, 600)).toBe(3500);
    expect(nearestFootage([], 3500, 600)).toBe(3500);
  });
});
