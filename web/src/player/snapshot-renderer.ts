// The last resort: the hub's own JPEG of the moment, about one a second, for browsers that can decode nothing by themselves here.
// The subscription goes on beside it, for it tells when there is a picture, and of which moment.
import type { Unit } from './header';
import type { Renderer, RendererEvents } from './renderer';

export const snapshotIntervalMs = 1_000;

/** A JPEG and when it was taken, µs since 1970. `at`: null for now. */
export type FetchSnapshot = (at: Date | null, width: number) => Promise<{ captureUs: number; image: Blob }>;

export class SnapshotRenderer implements Renderer {
  readonly format = 'annexb' as const;
  private askedMs_ = -Infinity;
  private asking_ = false;
  private failures_ = 0;
  private epoch_ = 0;
  private width_ = 640;
  private destroyed_ = false;

  constructor(
    private readonly fetch: FetchSnapshot,
    private readonly draw: (image: Blob) => Promise<{ width: number; height: number }>,
    private readonly events: RendererEvents,
    private readonly isLive: () => boolean,
    private readonly now: () => number = () => performance.now(),
  ) {}

  configure(): void {
    // The hub decodes whatever it is.
  }
  unit(unit: Unit): void {
    if (unit.audio || unit.init || unit.preroll || this.asking_ || this.now() - this.askedMs_ < snapshotIntervalMs) return;
    void this.ask(unit.captureUs);
  }
  reset(): void {
    this.epoch_ += 1;
    this.askedMs_ = -Infinity;
  }
  resize(width: number): void {
    this.width_ = Math.min(1280, Math.max(160, width));
  }
  destroy(): void {
    this.destroyed_ = true;
  }

  private async ask(captureUs: number): Promise<void> {
    this.asking_ = true;
    this.askedMs_ = this.now();
    const epoch = this.epoch_;
    try {
      const taken = await this.fetch(this.isLive() ? null : new Date(captureUs / 1000), this.width_);
      if (this.destroyed_ || epoch !== this.epoch_) return;
      const size = await this.draw(taken.image);
      this.failures_ = 0;
      if (!this.destroyed_) this.events.frame(taken.captureUs || captureUs, size.width, size.height);
    } catch (error) {
      // One that does not come is no reason; the watchdog counts those that are shown.
      this.failures_ += 1;
      if (this.failures_ === 5 && !this.destroyed_) this.events.failed(error instanceof Error ? error.message : 'JPEG');
    } finally {
      this.asking_ = false;
    }
  }
}
