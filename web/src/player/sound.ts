// A camera's sound: decoded by WebCodecs, played a moment after it came, in step with pictures that are shown at once.
// Silent until somebody asks (`listen`), which must happen in a click: browsers allow no sound before.
import type { Unit } from './header';
import type { AudioMessage } from './messages';

export const hasAudioDecoder = typeof globalThis.AudioDecoder === 'function';

/** Played so long after it came: the network's and the page's unevenness fits in. */
const aheadS = 0.12;
/** More than this waits to be played: the sound has fallen behind the pictures, and what waits is left out. */
const behindS = 0.5;

/** When a piece of sound that comes at `nowS` is to be played, or null to leave it out. Pure. */
export function schedule(nowS: number, nextS: number): number | null {
  if (nextS < nowS) return nowS + aheadS;
  return nextS - nowS > behindS ? null : nextS;
}

export function bytesOfHex(hex: string): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(Math.floor(hex.length / 2));
  for (let i = 0; i < out.length; i += 1) out[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return out;
}

export class Sound {
  private format_: AudioMessage | null = null;
  private decoder_: AudioDecoder | null = null;
  private context_: AudioContext | null = null;
  private nextS_ = 0;
  private playing_ = new Set<AudioBufferSourceNode>();
  private heard_ = false;

  get listening(): boolean {
    return this.context_ !== null;
  }
  /** Something was put out to the loudspeaker since `listen`. */
  get heard(): boolean {
    return this.heard_;
  }

  listen(on: boolean): void {
    if (on === this.listening) return;
    if (!on) {
      this.stop();
      void this.context_?.close();
      this.context_ = null;
      this.heard_ = false;
      return;
    }
    this.context_ = new AudioContext();
    this.open();
  }
  configure(format: AudioMessage): void {
    this.format_ = format;
    if (this.listening) this.open();
  }
  unit(unit: Unit): void {
    if (!this.decoder_ || this.decoder_.state !== 'configured') return;
    try {
      this.decoder_.decode(new EncodedAudioChunk({ type: 'key', timestamp: unit.captureUs, data: unit.payload }));
    } catch {
      this.open();
    }
  }
  /** The time line breaks: what waits is of another moment. */
  reset(): void {
    for (const source of this.playing_) source.stop();
    this.playing_.clear();
    this.nextS_ = 0;
    if (this.decoder_) this.open();
  }
  destroy(): void {
    this.listen(false);
  }

  private stop(): void {
    for (const source of this.playing_) source.stop();
    this.playing_.clear();
    if (this.decoder_ && this.decoder_.state !== 'closed') this.decoder_.close();
    this.decoder_ = null;
    this.nextS_ = 0;
  }

  private open(): void {
    if (this.decoder_ && this.decoder_.state !== 'closed') this.decoder_.close();
    this.decoder_ = null;
    if (!this.format_ || !hasAudioDecoder) return;
    const { codec, sampleRate, channels, config } = this.format_;
    const decoder: AudioDecoder = new AudioDecoder({
      output: (data) => {
        if (decoder === this.decoder_) this.play(data);
        data.close();
      },
      // A browser without this codec stays silent; the pictures go on.
      error: (error) => console.warn('sound:', error.message),
    });
    this.decoder_ = decoder;
    try {
      decoder.configure({
        codec, sampleRate, numberOfChannels: channels, ...(config ? { description: bytesOfHex(config) } : {}),
      });
    } catch (error) {
      console.warn('sound:', error);
      this.decoder_ = null;
    }
  }

  private play(data: AudioData): void {
    const context = this.context_;
    if (!context) return;
    const at = schedule(context.currentTime, this.nextS_);
    if (at === null) return;
    const buffer = context.createBuffer(data.numberOfChannels, data.numberOfFrames, data.sampleRate);
    for (let channel = 0; channel < data.numberOfChannels; channel += 1) {
      const samples = new Float32Array(data.numberOfFrames);
      data.copyTo(samples, { planeIndex: channel, format: 'f32-planar' });
      buffer.copyToChannel(samples, channel);
    }
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(context.destination);
    source.onended = () => this.playing_.delete(source);
    source.start(at);
    this.playing_.add(source);
    this.nextS_ = at + buffer.duration;
    this.heard_ = true;
  }
}
