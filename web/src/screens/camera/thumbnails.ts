// Thumbnails of one camera's footage: which instant to ask for, and a small store that asks for few at a time.
import { ApiError } from '../../api/client';
import { stretchAt, type Stretch, type View } from './timeline';

/** The hub has one thumbnail for so much footage. */
export const slotMs = 10_000;

/**
 * The instant whose thumbnail stands for `time`: the beginning of its slot, so that neighbours share one, but never
 * before the footage begins. Null where there is none.
 */
export function thumbnailTime(spans: readonly Stretch[], time: number): number | null {
  const span = stretchAt(spans, time);
  if (!span) return null;
  return Math.max(Math.floor(time / slotMs) * slotMs, Math.min(Math.ceil(span.from), time));
}

/** The middles of `count` equal parts of a view. */
export function stripTimes(view: View, count: number): number[] {
  const each = (view.to - view.from) / Math.max(1, count);
  return Array.from({ length: count }, (_, index) => view.from + (index + 0.5) * each);
}

/**
 * What a part of the strip shows: the footage nearest to its middle, so that a minute within an hour is not passed over.
 * `time` itself where the part holds no footage.
 */
export function nearestFootage(spans: readonly Stretch[], time: number, half: number): number {
  let best = Infinity;
  for (const span of spans) {
    const near = Math.min(Math.max(time, Math.ceil(span.from)), span.to - 1);
    if (near >= span.from && Math.abs(near - time) < Math.abs(best - time)) best = near;
  }
  return Math.abs(best - time) <= half ? best : time;
}

export type Thumbnail = { state: 'loading' } | { state: 'ready'; url: string } | { state: 'gap' } | { state: 'failed' };

export interface ThumbnailSource {
  fetch: (time: number) => Promise<Blob>;
  makeUrl: (blob: Blob) => string;
  dropUrl: (url: string) => void;
  wait: (ms: number) => Promise<void>;
}

const mostKept = 240;
const mostWaiting = 40;
const mostTries = 4;
/** After a failure that may pass the same is asked for again when somebody looks, but not at once. */
const failureRestMs = 5_000;

interface Entry { thumbnail: Thumbnail; at: number; tell: Set<(thumbnail: Thumbnail) => void> }

/** One request at a time, the last wish first: a hand that sweeps over the time line is interested in where it is now. */
export class Thumbnails {
  private readonly entries_ = new Map<number, Entry>();
  private waiting_: number[] = [];
  private busy_ = false;
  private closed_ = false;

  constructor(private readonly source: ThumbnailSource, private readonly now: () => number = Date.now) {}

  /** Tells what is known at once, and what comes later. Returns how to stop listening. */
  watch(time: number, tell: (thumbnail: Thumbnail) => void): () => void {
    let entry = this.entries_.get(time);
    const stale = entry && entry.thumbnail.state !== 'ready' && entry.thumbnail.state !== 'loading' && this.now() - entry.at > failureRestMs;
    if (!entry || stale) {
      entry = { thumbnail: { state: 'loading' }, at: this.now(), tell: entry?.tell ?? new Set() };
    }
    this.entries_.delete(time);
    this.entries_.set(time, entry);
    entry.tell.add(tell);
    tell(entry.thumbnail);
    if (entry.thumbnail.state === 'loading') this.want(time);
    const watched = entry;
    return () => watched.tell.delete(tell);
  }

  close(): void {
    this.closed_ = true;
    this.waiting_ = [];
    for (const entry of this.entries_.values()) if (entry.thumbnail.state === 'ready') this.source.dropUrl(entry.thumbnail.url);
    this.entries_.clear();
  }

  private want(time: number): void {
    this.waiting_ = this.waiting_.filter((each) => each !== time).slice(-mostWaiting);
    this.waiting_.push(time);
    if (!this.busy_) void this.work();
  }

  private async work(): Promise<void> {
    this.busy_ = true;
    for (let time = this.waiting_.pop(); time !== undefined && !this.closed_; time = this.waiting_.pop()) {
      const entry = this.entries_.get(time);
      // Nobody looks any more.
      if (!entry || entry.thumbnail.state !== 'loading') continue;
      if (entry.tell.size === 0) {
        this.entries_.delete(time);
        continue;
      }
      this.settle(entry, await this.load(time));
      this.trim();
    }
    this.busy_ = false;
  }

  private async load(time: number): Promise<Thumbnail> {
    for (let tries = 1; ; tries += 1) {
      try {
        const blob = await this.source.fetch(time);
        return { state: 'ready', url: this.source.makeUrl(blob) };
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return { state: 'gap' };
        const busy = error instanceof ApiError && error.status === 429;
        if (!busy || tries === mostTries || this.closed_) return { state: 'failed' };
        await this.source.wait(200 * tries);
      }
    }
  }

  private settle(entry: Entry, thumbnail: Thumbnail): void {
    if (this.closed_) {
      if (thumbnail.state === 'ready') this.source.dropUrl(thumbnail.url);
      return;
    }
    entry.thumbnail = thumbnail;
    entry.at = this.now();
    for (const tell of entry.tell) tell(thumbnail);
  }

  /** Beyond the bound the ones looked at longest ago go, unless they are being looked at. */
  private trim(): void {
    for (const [time, entry] of this.entries_) {
      if (this.entries_.size <= mostKept) return;
      if (entry.tell.size > 0) continue;
      if (entry.thumbnail.state === 'ready') this.source.dropUrl(entry.thumbnail.url);
      this.entries_.delete(time);
    }
  }
}
