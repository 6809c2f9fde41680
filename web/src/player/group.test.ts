import { describe, expect, it, vi } from 'vitest';
import { PictureGroup, type Member } from './group';

function member(timeMs: number | null, usable = true) {
  return {
    groupTime: timeMs === null ? null : new Date(timeMs), usable, seeking: false,
    seek: vi.fn(), speed: vi.fn(), pause: vi.fn(), resume: vi.fn(), step: vi.fn(),
  } satisfies Member;
}

describe('PictureGroup', () => {
  it('says everything to the hub once, by one that was not refused', () => {
    const group = new PictureGroup();
    const [refused, first, second] = [member(null, false), member(1), member(2)];
    for (const each of [refused, first, second]) group.add(each);
    group.step(-1);
    expect(refused.step).toHaveBeenCalledWith(-1, false);
    expect(first.step).toHaveBeenCalledWith(-1, true);
    expect(second.step).toHaveBeenCalledWith(-1, false);
    group.seek(new Date(5));
    expect(second.seek).toHaveBeenCalledWith(new Date(5), false);
    group.pause();
    expect(first.pause).toHaveBeenCalledWith(true);
  });
  it('knows where it is and how far apart its pictures are', () => {
    const group = new PictureGroup();
    expect(group.time).toBeNull();
    const leave = group.add(member(1_000));
    expect(group.spreadMs).toBeNull();
    group.add(member(1_040));
    group.add(member(null));
    group.add(member(9_000));
    expect(group.time).toBe(1_040);
    expect(group.spreadMs).toBe(8_000);
    leave();
    expect(group.size).toBe(3);
    expect(group.spreadMs).toBe(7_960);
  });
});
