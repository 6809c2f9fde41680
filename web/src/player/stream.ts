// The page's one /stream connection. A hidden page receives nothing: after a few seconds it lets go, and asks
// for everything anew when somebody looks again.
import { api, socketUrl } from '../api/client';
import { CanvasRenderer } from './canvas-renderer';
import { StreamConnection, type Socket } from './connection';
import { decodable, playableByMse } from './decodable';
import { MseRenderer } from './mse-renderer';
import { Picture, type PictureOptions } from './picture';
import { rendererKind, type Renderer, type RendererEvents } from './renderer';
import { SnapshotRenderer, type FetchSnapshot } from './snapshot-renderer';

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

async function paintJpeg(canvas: HTMLCanvasElement, image: Blob): Promise<{ width: number; height: number }> {
  const picture = new Image();
  const url = URL.createObjectURL(image);
  try {
    picture.src = url;
    await picture.decode();
  } finally {
    URL.revokeObjectURL(url);
  }
  canvas.width = picture.naturalWidth;
  canvas.height = picture.naturalHeight;
  canvas.getContext('2d', { alpha: false })?.drawImage(picture, 0, 0);
  return { width: canvas.width, height: canvas.height };
}

/** What each way of drawing can take; undefined: everything, or not known. */
function takes(): string[] | undefined {
  if (rendererKind === 'webcodecs') return decodable();
  return rendererKind === 'mse' ? playableByMse() : undefined;
}

/** Draws into a canvas, or a video element where this browser cannot decode by itself here (`rendererKind`). */
export function showPicture(element: HTMLCanvasElement | HTMLVideoElement, options: PictureOptions): Picture {
  const make = (events: RendererEvents): Renderer => {
    if (element instanceof HTMLVideoElement) return new MseRenderer(element, events);
    if (rendererKind === 'webcodecs') return new CanvasRenderer(element, events);
    const fetch: FetchSnapshot = (at, width) => api.picture(options.camera, options.stream, at, width);
    return new SnapshotRenderer(fetch, (image) => paintJpeg(element, image), events, () => picture.live);
  };
  const picture: Picture = new Picture(stream, make, { ...options, ...(takes() ? { decode: takes() } : {}) });
  return picture;
}

export { rendererKind };
