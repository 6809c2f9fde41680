// What a picture is drawn with. Two kinds: WebCodecs onto a 2D canvas, and Media Source Extensions into a
// <video> where VideoDecoder is missing (plain HTTP that is not localhost).
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

export const hasVideoDecoder = typeof globalThis.VideoDecoder === 'function';
