// The geometry of the time line: which time stands at which pixel, what to zoom to, where to write the hours.
// Pure; times are milliseconds since 1970 UTC.

export interface View { from: number; to: number }

export const shortestMs = 30_000;
export const longestMs = 31 * 86_400_000;
const futureShare = 0.06;
const bangkokOffsetMs = 7 * 3600_000;

export function timeAt(view: View, width: number, x: number): number {
  return view.from + ((view.to - view.from) * x) / Math.max(1, width);
}
export function xAt(view: View, width: number, time: number): number {
  return ((time - view.from) / (view.to - view.from)) * width;
}

/** Keeps the length within its limits and leaves no more future than a sliver. */
export function clampView(view: View, now: number): View {
  const length = Math.min(longestMs, Math.max(shortestMs, view.to - view.from));
  const middle = (view.from + view.to) / 2;
  const latest = now + length * futureShare;
  const to = Math.min(latest, middle + length / 2);
  return { from: to - length, to };
}

/** `factor` below 1 zooms in; the time under `x` stays under `x`. */
export function zoomAt(view: View, width: number, x: number, factor: number, now: number): View {
  const length = Math.min(longestMs, Math.max(shortestMs, (view.to - view.from) * factor));
  const anchor = timeAt(view, width, x);
  const share = x / Math.max(1, width);
  return clampView({ from: anchor - length * share, to: anchor + length * (1 - share) }, now);
}

export function pan(view: View, byMs: number, now: number): View {
  return clampView({ from: view.from + byMs, to: view.to + byMs }, now);
}

/** The view moved so that `time` is inside, without changing its length. */
export function reveal(view: View, time: number, now: number): View {
  const length = view.to - view.from;
  if (time >= view.from + length * 0.02 && time <= view.to - length * 0.02) return view;
  return clampView({ from: time - length / 2, to: time + length / 2 }, now);
}

export function around(time: number, lengthMs: number, now: number): View {
  return clampView({ from: time - lengthMs / 2, to: time + lengthMs / 2 }, now);
}

/** The view that ends at the present. */
export function following(lengthMs: number, now: number): View {
  return clampView({ from: now + longestMs, to: now + longestMs + lengthMs }, now);
}

const steps = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 345600, 604800,
].map((seconds) => seconds * 1000);

export interface Tick { time: number; label: 'day' | 'minutes' | 'seconds' }

/** Round moments of Bangkok's clock, no closer than `gapPx`. */
export function ticks(view: View, width: number, gapPx = 84): Tick[] {
  const wanted = ((view.to - view.from) * gapPx) / Math.max(1, width);
  const step = steps.find((each) => each >= wanted) ?? steps[steps.length - 1]!;
  const result: Tick[] = [];
  const first = Math.ceil((view.from + bangkokOffsetMs) / step) * step - bangkokOffsetMs;
  for (let time = first; time <= view.to; time += step) {
    const midnight = (time + bangkokOffsetMs) % 86_400_000 === 0;
    result.push({ time, label: midnight ? 'day' : step < 60_000 ? 'seconds' : 'minutes' });
  }
  return result;
}

export interface Stretch { from: number; to: number }

/** The stretch that holds `time`; stretches are in order. */
export function stretchAt<T extends Stretch>(stretches: readonly T[], time: number): T | undefined {
  return stretches.find((each) => time >= each.from && time < each.to);
}

/** Start of the first footage after `time`, where there is any. */
export function nextStart(spans: readonly Stretch[], time: number): number | undefined {
  return spans.find((each) => each.from > time)?.from;
}
