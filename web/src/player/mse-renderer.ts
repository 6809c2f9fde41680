// MP4 fragments into a <video>. Fragments are laid end to end ("sequence"), the playhead stays near the end,
// and what is older than a few seconds is removed: a tab that is open for a week holds seconds, not hours.
import type { Unit } from './header';
import type { Renderer, RendererEvents } from './renderer';

/** The iPhone's, which is the only one there. */
const Source: typeof MediaSource | undefined = globalThis.MediaSource ??
  (globalThis as { ManagedMediaSource?: typeof MediaSource }).ManagedMediaSource;

const maxQueued = 60;
const keepSeconds = 4;
const chaseSeconds = 1.2;

export class MseRenderer implements Renderer {
  readonly format = 'fmp4' as const;
  private source_: MediaSource | null = null;
  private buffer_: SourceBuffer | null = null;
  private url_ = '';
  private queue_: Uint8Array[] = [];
  private started_ = false;
  private captureUs_ = 0;
  private destroyed_ = false;

  constructor(private readonly video: HTMLVideoElement, private readonly events: RendererEvents) {
    video.muted = true;
    video.playsInline = true;
    video.disableRemotePlayback = true;
    this.watchFrames();
  }

  configure(codec: string): void {
    this.release();
    const type = `video/mp4; codecs="${codec}"`;
    if (!Source?.isTypeSupported(type)) {
      this.events.unsupported(codec);
      return;
    }
    const source = new Source();
    this.source_ = source;
    this.url_ = URL.createObjectURL(source);
    source.addEventListener('sourceopen', () => {
      if (this.source_ !== source) return;
      const buffer = source.addSourceBuffer(type);
      buffer.mode = 'sequence';
      buffer.addEventListener('updateend', () => this.pump());
      buffer.addEventListener('error', () => this.events.failed('MSE'));
      this.buffer_ = buffer;
      this.pump();
    }, { once: true });
    this.video.src = this.url_;
  }

  unit(unit: Unit): void {
    if (unit.audio || !this.source_) return;
    if (!unit.init) {
      // A fragment that begins without a key frame is of no use until one came.
      if (!this.started_ && !unit.key) return;
      this.started_ = true;
      this.captureUs_ = unit.captureUs;
    }
    if (this.queue_.length >= maxQueued) {
      this.events.failed('MSE queue');
      this.queue_ = [];
      this.started_ = false;
    }
    this.queue_.push(unit.payload);
    this.pump();
  }

  reset(): void {
    this.started_ = false;
  }
  resize(): void {
    // The element scales by itself.
  }
  destroy(): void {
    this.destroyed_ = true;
    this.release();
  }

  private pump(): void {
    const buffer = this.buffer_;
    if (!buffer || buffer.updating || this.source_?.readyState !== 'open') return;
    const ranges = this.video.buffered;
    if (ranges.length > 0) {
      const end = ranges.end(ranges.length - 1);
      const start = ranges.start(0);
      if (end - this.video.currentTime > chaseSeconds || this.video.currentTime < start) {
        this.video.currentTime = Math.max(start, end - 0.1);
      }
      if (this.video.paused) void this.video.play().catch(() => {});
      if (end - start > 2 * keepSeconds) {
        buffer.remove(start, end - keepSeconds);
        return;
      }
    }
    const next = this.queue_.shift();
    if (!next) return;
    try {
      buffer.appendBuffer(next as Uint8Array<ArrayBuffer>);
    } catch (error) {
      this.events.failed(error instanceof Error ? error.message : 'MSE');
    }
  }

  private watchFrames(): void {
    const next = () => {
      if (this.destroyed_) return;
      this.events.frame(this.captureUs_, this.video.videoWidth, this.video.videoHeight);
      this.video.requestVideoFrameCallback(next);
    };
    if ('requestVideoFrameCallback' in this.video) this.video.requestVideoFrameCallback(next);
    else this.watchTime();
  }

  /** Where frames are not told: time that goes on is a picture that moves. */
  private watchTime(): void {
    const video: HTMLVideoElement = this.video;
    video.addEventListener('timeupdate', () => {
      if (!this.destroyed_ && video.videoWidth > 0 && !video.paused) this.events.frame(this.captureUs_, video.videoWidth, video.videoHeight);
    });
  }

  private release(): void {
    this.queue_ = [];
    this.started_ = false;
    this.buffer_ = null;
    this.source_ = null;
    if (this.url_) {
      URL.revokeObjectURL(this.url_);
      this.url_ = '';
      this.video.removeAttribute('src');
      this.video.load();
    }
  }
}
