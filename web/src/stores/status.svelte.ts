// How the hub is: asked every few seconds while somebody looks. Keeps the last answer when the hub falls silent.
import { api, ApiError } from '../api/client';
import type { Status } from '../api/types';

const everyMs = 5_000;

class StatusStore {
  latest = $state.raw<Status | null>(null);
  at = $state.raw<Date | null>(null);
  failure = $state.raw<ApiError | null>(null);
  /** Cameras whose footage reached the disk lately. */
  readonly recording = $derived(new Set(this.latest?.cameras.filter((camera) => camera.recording).map((camera) => camera.id)));

  /** Why cameras are not live, as the hub last said. */
  readonly errors = $derived(new Map(this.latest?.cameras.flatMap((camera) => (camera.last_error && camera.state !== 'live' ? [[camera.id, camera.last_error] as const] : []))));

  private users_ = 0;
  private timer_: number | undefined;

  /** Asks until the returned function is called. */
  watch(): () => void {
    this.users_ += 1;
    if (this.users_ === 1) void this.ask();
    return () => {
      this.users_ -= 1;
      if (this.users_ === 0) window.clearTimeout(this.timer_);
    };
  }
  private async ask(): Promise<void> {
    if (!document.hidden) {
      try {
        this.latest = await api.status();
        this.at = new Date();
        this.failure = null;
      } catch (error) {
        this.failure = error instanceof ApiError ? error : new ApiError({ status: 0 });
      }
    }
    window.clearTimeout(this.timer_);
    if (this.users_ > 0) this.timer_ = window.setTimeout(() => void this.ask(), everyMs);
  }
}

export const status = new StatusStore();
