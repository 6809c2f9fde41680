// What a picture is drawn with. WebCodecs onto a 2D canvas where there is VideoDecoder, which browsers hide from pages that came by
// plain HTTP from elsewhere than this computer; then Media Source Extensions into a <video>; at last single pictures, one a second.
import type { Unit } from './header';

export interface RendererEvents {
  /** A frame is on the screen; `captureUs` is when the camera took it. */
  frame(captureUs: number, width: number, height: number): void;
  unsupported(codec: string): void;
  failed(reason: string): void;
}

export interface Renderer {
  readonly format: 'annexb' | 'fmp4';
  configure(codec: string): void;
  unit(unit: Unit): void;
  /** The time line breaks: what is queued is thrown away, the last picture stays. */
  reset(): void;
  /** Device pixels available; a canvas never holds more. */
  resize(width: number, height: number): void;
  destroy(): void;
}

export type RendererKind = 'webcodecs' | 'mse' | 'snapshots';

export interface Abilities { VideoDecoder?: unknown; MediaSource?: unknown; ManagedMediaSource?: unknown }

export function chooseRenderer(browser: Abilities): RendererKind {
  if (typeof browser.VideoDecoder === 'function') return 'webcodecs';
  return typeof browser.MediaSource === 'function' || typeof browser.ManagedMediaSource === 'function' ? 'mse' : 'snapshots';
}

export const rendererKind: RendererKind = chooseRenderer(globalThis as Abilities);
