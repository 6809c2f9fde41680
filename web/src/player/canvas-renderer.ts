// WebCodecs onto a 2D canvas. Owns its decoder and at most one frame that waits to be drawn; every VideoFrame
// is closed exactly once, whatever happens, because the browser's frame pool is small and shared.
import { DecodeGate } from './gate';
import type { Unit } from './header';
import type { Renderer, RendererEvents } from './renderer';

// A full wall draws at most this often: drawing many tiles together costs the browser one composition of the
// page instead of one for each tile, and is still twice the rate of a sub stream.
const crowd = 10;
const crowdIntervalMs = 30;

const dirty = new Set<CanvasRenderer>();
let renderers = 0;
let scheduled = false;
let lastDrawMs = 0;

/** One animation callback draws all pictures that changed. */
function schedule(renderer: CanvasRenderer): void {
  dirty.add(renderer);
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(drawDirty);
}

function drawDirty(nowMs: number): void {
  if (renderers >= crowd && nowMs - lastDrawMs < crowdIntervalMs) {
    requestAnimationFrame(drawDirty);
    return;
  }
  lastDrawMs = nowMs;
  scheduled = false;
  const now = [...dirty];
  dirty.clear();
  for (const each of now) each.draw();
}

const errorsUntilFailed = 5;
const prerollRestMs = 150;

const supported = new Map<string, Promise<boolean>>();
function isSupported(codec: string): Promise<boolean> {
  let answer = supported.get(codec);
  if (!answer) {
    answer = VideoDecoder.isConfigSupported({ codec, optimizeForLatency: true }).then((result) => result.supported ?? false, () => false);
    supported.set(codec, answer);
  }
  return answer;
}

export class CanvasRenderer implements Renderer {
  readonly format = 'annexb' as const;
  private readonly context_: CanvasRenderingContext2D | null;
  private readonly gate_ = new DecodeGate();
  private decoder_: VideoDecoder | null = null;
  private pending_: VideoFrame | null = null;
  private codec_ = '';
  private errors_ = 0;
  private prerollUntilUs_ = -Infinity;
  private prerollTimer_ = 0;
  private limit_ = { width: 640, height: 360 };
  private destroyed_ = false;

  constructor(private readonly canvas: HTMLCanvasElement, private readonly events: RendererEvents) {
    this.context_ = canvas.getContext('2d', { alpha: false });
    renderers += 1;
  }

  configure(codec: string): void {
    this.codec_ = codec;
    this.errors_ = 0;
    this.open();
    // Units that come before the answer are already being decoded; a refusal arrives late and costs nothing.
    void isSupported(codec).then((supported) => {
      if (supported || this.destroyed_ || this.codec_ !== codec) return;
      this.closeDecoder();
      this.events.unsupported(codec);
    });
  }

  unit(unit: Unit): void {
    if (unit.audio || unit.init || !this.decoder_) return;
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

  reset(): void {
    if (this.decoder_) this.open();
  }

  resize(width: number, height: number): void {
    this.limit_ = { width: Math.max(1, width), height: Math.max(1, height) };
  }

  draw(): void {
    const frame = this.pending_;
    this.pending_ = null;
    if (!frame) return;
    const { displayWidth, displayHeight, timestamp } = frame;
    const scale = Math.min(1, this.limit_.width / displayWidth, this.limit_.height / displayHeight);
    const width = Math.max(1, Math.round(displayWidth * scale));
    const height = Math.max(1, Math.round(displayHeight * scale));
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    this.context_?.drawImage(frame, 0, 0, width, height);
    frame.close();
    this.errors_ = 0;
    this.events.frame(timestamp, displayWidth, displayHeight);
  }

  destroy(): void {
    if (this.destroyed_) return;
    this.destroyed_ = true;
    renderers -= 1;
    dirty.delete(this);
    window.clearTimeout(this.prerollTimer_);
    this.pending_?.close();
    this.pending_ = null;
    this.closeDecoder();
  }

  /** A fresh start of the decoder; `forget` also waits for the next key frame. */
  private open(forget = true): void {
    if (forget) this.gate_.reset();
    window.clearTimeout(this.prerollTimer_);
    this.prerollUntilUs_ = -Infinity;
    this.pending_?.close();
    this.pending_ = null;
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
        window.clearTimeout(this.prerollTimer_);
        // On the way to the moment sought nothing is shown, unless the way ends here (a seek while paused).
        if (frame.timestamp > this.prerollUntilUs_) schedule(this);
        else this.prerollTimer_ = window.setTimeout(() => schedule(this), prerollRestMs);
      },
      error: (error) => {
        if (decoder === this.decoder_) this.recover(error);
      },
    });
    return decoder;
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

  private closeDecoder(): void {
    const decoder = this.decoder_;
    this.decoder_ = null;
    if (decoder && decoder.state !== 'closed') decoder.close();
  }
}
