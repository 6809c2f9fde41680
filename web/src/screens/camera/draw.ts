// Draws the time line onto its canvas. Reads everything from its argument, keeps nothing.
import { formatDay, formatMinutes, formatTime, type Language } from '../../time/dates';
import { ticks, xAt, type Stretch, type View } from './timeline';

export interface Picture {
  view: View;
  spans: readonly Stretch[];
  gaps: readonly Stretch[];
  activity: readonly number[];
  /** What `activity` covers. */
  activityRange: View;
  playhead: number;
  live: boolean;
  hover: number | null;
  now: number;
  selection: { from: number | null; to: number | null };
  language: Language;
}

export const axisHeight = 20;

const colours = {
  ground: '#090d12', track: '#161e27', future: '#0c1117', axis: '#8b99a7', line: '#263240', day: '#b3bfca',
  recorded: '#1f5b8f', activity: '#4a94d6', gap: '#3a1719', gapLine: '#8a3a37',
  live: '#46d18f', playhead: '#ffffff', hover: 'rgb(255 255 255 / 45%)', selection: 'rgb(242 184 67 / 22%)', selectionEdge: '#f2b843',
};

let hatchPattern: CanvasPattern | null = null;
function hatch(context: CanvasRenderingContext2D): CanvasPattern | string {
  if (hatchPattern) return hatchPattern;
  const tile = document.createElement('canvas');
  tile.width = tile.height = 8;
  const inner = tile.getContext('2d');
  if (!inner) return colours.gap;
  inner.fillStyle = colours.gap;
  inner.fillRect(0, 0, 8, 8);
  inner.strokeStyle = colours.gapLine;
  inner.lineWidth = 1.4;
  for (const shift of [-8, 0, 8]) {
    inner.beginPath();
    inner.moveTo(shift, 8);
    inner.lineTo(shift + 8, 0);
    inner.stroke();
  }
  hatchPattern = context.createPattern(tile, 'repeat');
  return hatchPattern ?? colours.gap;
}

export function drawTimeline(context: CanvasRenderingContext2D, width: number, height: number, picture: Picture): void {
  const { view } = picture;
  const x = (time: number) => xAt(view, width, time);
  const top = axisHeight + 2;
  const bottom = height - 4;
  context.fillStyle = colours.ground;
  context.fillRect(0, 0, width, height);
  context.fillStyle = colours.track;
  context.fillRect(0, top, width, bottom - top);

  const bar = (stretch: Stretch, from: number, to: number) => {
    const left = Math.max(0, x(stretch.from));
    const right = Math.min(width, x(stretch.to));
    if (right > left || (right >= 0 && left <= width)) context.fillRect(left, from, Math.max(1, right - left), to - from);
  };
  context.fillStyle = hatch(context);
  for (const gap of picture.gaps) bar(gap, top, bottom);
  context.fillStyle = colours.recorded;
  for (const span of picture.spans) bar(span, top, bottom);

  const { activity, activityRange } = picture;
  if (activity.length > 0) {
    const each = (activityRange.to - activityRange.from) / activity.length;
    const tall = (bottom - top) * 0.8;
    context.fillStyle = colours.activity;
    activity.forEach((value, index) => {
      if (value <= 0) return;
      const left = x(activityRange.from + index * each);
      const right = x(activityRange.from + (index + 1) * each);
      if (right < 0 || left > width) return;
      const tallness = Math.max(1, value * tall);
      context.fillRect(left, bottom - tallness, Math.max(1, right - left - 0.5), tallness);
    });
  }

  const nowX = x(picture.now);
  if (nowX < width) {
    context.fillStyle = colours.future;
    context.fillRect(nowX, top, width - nowX, bottom - top);
    context.fillStyle = colours.live;
    context.fillRect(nowX - 1, top, 2, bottom - top);
  }

  const { selection } = picture;
  if (selection.from !== null || selection.to !== null) {
    const left = x(selection.from ?? selection.to!);
    const right = x(selection.to ?? selection.from!);
    context.fillStyle = colours.selection;
    context.fillRect(left, top, right - left, bottom - top);
    context.fillStyle = colours.selectionEdge;
    if (selection.from !== null) context.fillRect(left - 1, axisHeight - 3, 2, height - axisHeight + 3);
    if (selection.to !== null) context.fillRect(right - 1, axisHeight - 3, 2, height - axisHeight + 3);
  }

  context.font = '11px "IBM Plex Sans Thai Looped", sans-serif';
  context.textBaseline = 'middle';
  context.textAlign = 'center';
  for (const tick of ticks(view, width)) {
    const at = Math.round(x(tick.time));
    context.fillStyle = tick.label === 'day' ? colours.day : colours.line;
    context.fillRect(at, axisHeight - 3, 1, tick.label === 'day' ? height - axisHeight : 6);
    if (at < 30 || at > width - 30) continue;
    const date = new Date(tick.time);
    context.fillStyle = tick.label === 'day' ? colours.day : colours.axis;
    context.fillText(
      tick.label === 'day' ? formatDay(date, picture.language) : tick.label === 'seconds' ? formatTime(date) : formatMinutes(date),
      at, axisHeight / 2 - 1);
  }

  if (picture.hover !== null) {
    context.fillStyle = colours.hover;
    context.fillRect(Math.round(x(picture.hover)), top, 1, bottom - top);
  }
  const head = x(picture.playhead);
  if (head >= -1 && head <= width + 1) {
    context.fillStyle = picture.live ? colours.live : colours.playhead;
    context.fillRect(head - 1, axisHeight - 4, 2, height - axisHeight + 4);
    context.beginPath();
    context.moveTo(head - 6, axisHeight - 6);
    context.lineTo(head + 6, axisHeight - 6);
    context.lineTo(head, axisHeight + 3);
    context.closePath();
    context.fill();
  }
}
