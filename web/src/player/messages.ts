// The JSON side of /stream: what the console says and what the hub answers.
import type { Problem, StreamRole } from '../api/types';

export type Position = 'live' | Date;

export interface SubscribeOptions {
  camera: string;
  stream: StreamRole;
  position: Position;
  speed: number;
  format: 'annexb' | 'fmp4';
  group?: string;
  /** Its footage is shown so much later than its own times say; not given: in a group what is known of the camera. */
  offset_ms?: number;
  /** The sound, too. */
  audio?: boolean;
  /** What can be decoded here: the rest comes as H.264, if the hub may transcode. Not given: everything as it is. */
  decode?: string[];
}

export type Command =
  | ({ op: 'subscribe'; id: number; position: string } & Omit<SubscribeOptions, 'position'>)
  | { op: 'unsubscribe' | 'pause' | 'resume'; id: number }
  | { op: 'seek'; id: number; position: string }
  | { op: 'speed'; id: number; speed: number }
  | { op: 'step'; id: number; frames: number }
  | { op: 'offset'; id: number; offset_ms: number };

export interface Subscribed {
  op: 'subscribed'; id: number; codec: string; width: number; height: number; timescale: number;
  /** Made for this viewer from what the camera sends. */
  transcoded: boolean;
}
export interface AudioMessage {
  /** As WebCodecs names it. */
  op: 'audio'; id: number; codec: string; sampleRate: number; channels: number;
  /** Hexadecimal; empty where the codec needs none. */
  config: string;
}
export interface StateMessage {
  op: 'state'; id: number; state: string; cause?: string; reason?: string; from?: string; to?: string;
}
export interface ErrorMessage { op: 'error'; id: number | null; problem: Problem }
export type ServerMessage = Subscribed | AudioMessage | StateMessage | ErrorMessage;

export function wirePosition(position: Position): string {
  return position === 'live' ? 'live' : position.toISOString();
}

function record(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
}
const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
const number = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : undefined);

/** Null for what is no message of the protocol; unknown ops are for newer consoles and are ignored. */
export function parseServerMessage(source: string): ServerMessage | null {
  let body: Record<string, unknown> | null;
  try {
    body = record(JSON.parse(source));
  } catch {
    return null;
  }
  if (!body) return null;
  const id = number(body.id);
  switch (body.op) {
    case 'subscribed': {
      const codec = text(body.codec);
      if (id === undefined || !codec) return null;
      return {
        op: 'subscribed', id, codec,
        width: number(body.width) ?? 0, height: number(body.height) ?? 0, timescale: number(body.timescale) ?? 90_000,
        transcoded: body.transcoded === true,
      };
    }
    case 'audio': {
      const codec = text(body.codec);
      const sampleRate = number(body.sample_rate);
      if (id === undefined || !codec || !sampleRate) return null;
      return { op: 'audio', id, codec, sampleRate, channels: number(body.channels) ?? 1, config: text(body.config) ?? '' };
    }
    case 'state': {
      const state = text(body.state);
      if (id === undefined || !state) return null;
      return { op: 'state', id, state, cause: text(body.cause), reason: text(body.reason), from: text(body.from), to: text(body.to) };
    }
    case 'error': {
      const inner = record(body.error) ?? record(body.problem) ?? body;
      return {
        op: 'error',
        id: id ?? null,
        problem: { type: text(inner.type), title: text(inner.title), detail: text(inner.detail), status: number(inner.status) ?? 500 },
      };
    }
    default:
      return null;
  }
}
