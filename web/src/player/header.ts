// The 24-byte header before every binary message of /stream (docs: "The stream protocol").
// Pure: bytes in, one unit out; the payload is a view into the message, never a copy.

export const headerBytes = 24;

const flagKey = 1;
const flagDiscontinuity = 2;
const flagInit = 4;
const flagSkipped = 8;
const flagAudio = 16;
const flagPreroll = 32;

export interface Unit {
  /** The client's number of the subscription, 0–65535. */
  id: number;
  key: boolean;
  /** The time line breaks before this unit: what a decoder holds is of another moment. */
  discontinuity: boolean;
  /** An MP4 initialization segment, not media. */
  init: boolean;
  /** The hub left frames out because this viewer was slow. */
  skipped: boolean;
  audio: boolean;
  /** Lies before the moment asked for: decode it, do not show it. */
  preroll: boolean;
  sequence: number;
  /** µs since 1970, UTC. A double holds it exactly until the year 2255. */
  captureUs: number;
  /** In the timescale of the subscription. */
  mediaTime: number;
  payload: Uint8Array<ArrayBuffer>;
}

/** Null where the message is no unit of version 1. */
export function parseUnit(message: ArrayBuffer): Unit | null {
  if (message.byteLength < headerBytes) return null;
  const view = new DataView(message);
  if (view.getUint8(0) !== 1) return null;
  const flags = view.getUint8(1);
  return {
    id: view.getUint16(2),
    key: (flags & flagKey) !== 0,
    discontinuity: (flags & flagDiscontinuity) !== 0,
    init: (flags & flagInit) !== 0,
    skipped: (flags & flagSkipped) !== 0,
    audio: (flags & flagAudio) !== 0,
    preroll: (flags & flagPreroll) !== 0,
    sequence: view.getUint32(4),
    captureUs: Number(view.getBigInt64(8)),
    mediaTime: Number(view.getBigInt64(16)),
    payload: new Uint8Array(message, headerBytes),
  };
}
