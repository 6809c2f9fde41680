// The page's one /stream connection. A hidden page receives nothing: after a few seconds it lets go, and asks
// for everything anew when somebody looks again.
import { socketUrl } from '../api/client';
import { CanvasRenderer } from './canvas-renderer';
import { StreamConnection, type Socket } from './connection';
import { decodable } from './decodable';
import { MseRenderer } from './mse-renderer';
import { Picture, type PictureOptions } from './picture';
import { hasVideoDecoder } from './renderer';

const hiddenGraceMs = 5_000;

export const stream = new StreamConnection({
  connect: () => new WebSocket(socketUrl('/stream')) as unknown as Socket,
  setTimer: (run, ms) => window.setTimeout(run, ms),
  clearTimer: (timer) => window.clearTimeout(timer),
});

let hiddenTimer: number | undefined;
document.addEventListener('visibilitychange', () => {
  window.clearTimeout(hiddenTimer);
  if (document.hidden) hiddenTimer = window.setTimeout(() => stream.suspend(), hiddenGraceMs);
  else stream.resume();
});

/** Draws into a canvas, or a video element where this browser cannot decode by itself here. */
export function showPicture(element: HTMLCanvasElement | HTMLVideoElement, options: PictureOptions): Picture {
  return new Picture(
    stream,
    (events) => element instanceof HTMLVideoElement ? new MseRenderer(element, events) : new CanvasRenderer(element, events),
    { ...options, ...(element instanceof HTMLVideoElement || !decodable() ? {} : { decode: decodable() }) },
  );
}

export { hasVideoDecoder };
