// Decodes one picture. Owns its decoder and at most one frame that waits to be shown; every VideoFrame is closed
// exactly once or handed over, because the browser's frame pool is small and shared. Runs in a page or a worker.
import { DecodeGate } from './gate';
import type { Unit } from './header';
import { matrixFor, shrink, type Size } from './shrink';

export interface DecodingEvents {
  /** A frame waits for `take`. */
  due(): void;
  unsupported(codec: string): void;
  failed(reason: string): void;
}

/** A frame as it is to be painted: pixels already of the right size, or the frame itself, whose owner closes it. */
export interface Painting extends Size {
  /** Which `reset` or `configure` it comes after. */
  epoch: number;
  captureUs: number;
  displayWidth: number;
  displayHeight: number;
  image: VideoFrame | Uint8ClampedArray<ArrayBuffer>;
}

/** Motion JPEG: no decoder of the browser's, each unit is a JPEG file. */
const jpegCodec = 'mp4v.6C';
/** Pictures of it that may be in the making. */
const jpegsUnderWay = 2;
const errorsUntilFailed = 5;
const prerollRestMs = 150;
/** Above this the mean of four pixels would blur, and there are few tiles. */
const shrinkBelow = 0.6;

const supported = new Map<string, Promise<boolean>>();
function isSupported(codec: string): Promise<boolean> {
  let answer = supported.get(codec);
  if (!answer) {
    answer = VideoDecoder.isConfigSupported({ codec, optimizeForLatency: true }).then((result) => result.supported ?? false, () => false);
    supported.set(codec, answer);
  }
  return answer;
}

export class Decoding {
  private readonly gate_ = new DecodeGate();
  private decoder_: VideoDecoder | null = null;
  private pending_: VideoFrame | null = null;
  private due_ = false;
  private codec_ = '';
  private epoch_ = 0;
  private errors_ = 0;
  private jpegs_ = 0;
  private prerollUntilUs_ = -Infinity;
  private prerollTimer_: ReturnType<typeof setTimeout> | undefined;
  private limit_: Size = { width: 640, height: 360 };
  private destroyed_ = false;

  constructor(private readonly events: DecodingEvents) {}

  configure(codec: string, epoch: number): void {
    this.codec_ = codec;
    this.epoch_ = epoch;
    this.errors_ = 0;
    if (codec === jpegCodec) {
      this.forgetPending();
      this.closeDecoder();
      return;
    }
    this.open();
    // Units that come before the answer are already being decoded; a refusal arrives late and costs nothing.
    void isSupported(codec).then((supported) => {
      if (supported || this.destroyed_ || this.codec_ !== codec) return;
      this.closeDecoder();
      this.events.unsupported(codec);
    });
  }

  unit(unit: Unit): void {
    if (this.codec_ === jpegCodec) {
      void this.unitOfJpeg(unit);
      return;
    }
    if (!this.decoder_) return;
    const verdict = this.gate_.judge(unit, this.decoder_.decodeQueueSize);
    if (verdict === 'drop') return;
    if (verdict === 'reset-and-decode') this.open(false);
    if (unit.preroll) this.prerollUntilUs_ = unit.captureUs;
    try {
      this.decoder_.decode(new EncodedVideoChunk({
        type: unit.key ? 'key' : 'delta', timestamp: unit.captureUs, data: unit.payload,
      }));
    } catch (error) {
      this.recover(error);
    }
  }

  private async unitOfJpeg(unit: Unit): Promise<void> {
    if (unit.preroll || this.jpegs_ >= jpegsUnderWay) return;
    this.jpegs_ += 1;
    const epoch = this.epoch_;
    try {
      const bitmap = await createImageBitmap(new Blob([unit.payload], { type: 'image/jpeg' }));
      const frame = new VideoFrame(bitmap, { timestamp: unit.captureUs });
      bitmap.close();
      if (this.destroyed_ || epoch !== this.epoch_) {
        frame.close();
        return;
      }
      this.pending_?.close();
      this.pending_ = frame;
      this.show();
    } catch {
      // One picture that cannot be read; the next stands for itself.
      this.errors_ += 1;
      if (this.errors_ === errorsUntilFailed && !this.destroyed_) this.events.failed('JPEG');
    } finally {
      this.jpegs_ -= 1;
    }
  }

  reset(epoch: number): void {
    this.epoch_ = epoch;
    if (this.decoder_) this.open();
  }

  resize(limit: Size): void {
    this.limit_ = limit;
  }

  /** The frame that waits, made ready to be painted; null where there is none any more. */
  async take(scratch: Scratch): Promise<Painting | null> {
    const frame = this.due_ ? this.pending_ : null;
    if (!frame) return null;
    this.pending_ = null;
    this.due_ = false;
    this.errors_ = 0;
    const { displayWidth, displayHeight, timestamp } = frame;
    const scale = Math.min(1, this.limit_.width / displayWidth, this.limit_.height / displayHeight);
    const width = Math.max(1, Math.round(displayWidth * scale));
    const height = Math.max(1, Math.round(displayHeight * scale));
    const painting = { epoch: this.epoch_, captureUs: timestamp, displayWidth, displayHeight, width, height };
    const matrix = scale < shrinkBelow && frame.format === 'I420' ? matrixFor(frame.colorSpace) : null;
    const from = frame.visibleRect;
    if (!matrix || !from || from.width < 2 || from.height < 2) return { ...painting, image: frame };
    try {
      const bytes = scratch.bytes(frame.allocationSize());
      const planes = await frame.copyTo(bytes);
      const image = shrink(bytes, planes, from, painting, matrix);
      frame.close();
      return { ...painting, image };
    } catch {
      // What cannot be read can perhaps be drawn.
      return { ...painting, image: frame };
    }
  }

  destroy(): void {
    this.destroyed_ = true;
    this.forgetPending();
    this.closeDecoder();
  }

  /** A fresh start of the decoder; `forget` also waits for the next key frame. */
  private open(forget = true): void {
    if (forget) this.gate_.reset();
    this.prerollUntilUs_ = -Infinity;
    this.forgetPending();
    try {
      if (this.decoder_ && this.decoder_.state !== 'closed') this.decoder_.reset();
      else this.decoder_ = this.makeDecoder();
      // Annex B: the key frames carry their parameter sets, so there is no description.
      this.decoder_.configure({ codec: this.codec_, optimizeForLatency: true });
    } catch {
      this.closeDecoder();
      this.events.unsupported(this.codec_);
    }
  }

  private makeDecoder(): VideoDecoder {
    const decoder: VideoDecoder = new VideoDecoder({
      output: (frame) => {
        if (this.destroyed_ || decoder !== this.decoder_) {
          frame.close();
          return;
        }
        this.pending_?.close();
        this.pending_ = frame;
        clearTimeout(this.prerollTimer_);
        // On the way to the moment sought nothing is shown, unless the way ends here (a seek while paused).
        if (frame.timestamp > this.prerollUntilUs_) this.show();
        else this.prerollTimer_ = setTimeout(() => this.show(), prerollRestMs);
      },
      error: (error) => {
        if (decoder === this.decoder_) this.recover(error);
      },
    });
    return decoder;
  }

  private show(): void {
    this.due_ = true;
    this.events.due();
  }

  private recover(error: unknown): void {
    this.closeDecoder();
    if (error instanceof DOMException && error.name === 'NotSupportedError') {
      this.events.unsupported(this.codec_);
      return;
    }
    this.errors_ += 1;
    if (this.errors_ >= errorsUntilFailed) {
      this.events.failed(error instanceof Error ? error.message : 'decoder');
      return;
    }
    this.open();
  }

  private forgetPending(): void {
    clearTimeout(this.prerollTimer_);
    this.pending_?.close();
    this.pending_ = null;
    this.due_ = false;
  }

  private closeDecoder(): void {
    const decoder = this.decoder_;
    this.decoder_ = null;
    if (decoder && decoder.state !== 'closed') decoder.close();
  }
}

/** Where a frame's planes are copied to, one frame after the other. */
export class Scratch {
  private bytes_ = new Uint8Array(0);
  bytes(size: number): Uint8Array<ArrayBuffer> {
    if (this.bytes_.length < size) this.bytes_ = new Uint8Array(size);
    return this.bytes_;
  }
}
