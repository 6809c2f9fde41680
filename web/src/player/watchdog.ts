// Notices a picture that stopped while the connection says it is open (go2rtc and others show the last
// frame for ever). Pure: time is passed in.
import { Backoff } from './backoff';

export const frozenAfterMs = 5_000;

export class FreezeWatch {
  private lastFrameMs_: number;
  private nextTryMs_ = 0;
  private frozen_ = false;

  constructor(nowMs: number, private readonly backoff = new Backoff(2_000, 30_000)) {
    this.lastFrameMs_ = nowMs;
  }

  get frozen(): boolean {
    return this.frozen_;
  }

  frame(nowMs: number): void {
    this.lastFrameMs_ = nowMs;
    if (this.frozen_) {
      this.frozen_ = false;
      this.backoff.reset();
    }
  }

  /** No frame is expected (paused, a gap, disconnected): the count starts anew. */
  excuse(nowMs: number): void {
    this.lastFrameMs_ = nowMs;
    this.frozen_ = false;
  }

  /** True when the stream should be asked for again. */
  check(nowMs: number): boolean {
    if (nowMs - this.lastFrameMs_ < frozenAfterMs) return false;
    if (!this.frozen_) {
      this.frozen_ = true;
      this.nextTryMs_ = nowMs;
    }
    if (nowMs < this.nextTryMs_) return false;
    this.nextTryMs_ = nowMs + this.backoff.next();
    return true;
  }
}
