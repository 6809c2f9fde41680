// Decides for each access unit whether it goes to the decoder. A viewer that falls behind skips to the
// next key frame instead of growing a queue, and nothing is decoded that refers to a frame that is missing.
import type { Unit } from './header';

export type Verdict = 'decode' | 'drop' | 'reset-and-decode';

export class DecodeGate {
  private needsKey_ = true;
  private lastSequence_: number | null = null;
  private dropped_ = 0;

  /**
   * `behind`: units in the decoder at which the next key frame is worth more than they are.
   * `full`: units at which everything up to the next key frame is dropped. Between them a burst (the cached
   * GOP of a new subscription, the way from a key frame to the moment sought) is decoded to its end.
   */
  constructor(private readonly behind = 12, private readonly full = 240) {}

  get dropped(): number {
    return this.dropped_;
  }
  get waitingForKey(): boolean {
    return this.needsKey_;
  }

  /** What was decoded before is worthless: after a decoder error, a seek, a hidden page. */
  reset(): void {
    this.needsKey_ = true;
    this.lastSequence_ = null;
  }

  judge(unit: Pick<Unit, 'key' | 'discontinuity' | 'sequence'>, queued: number): Verdict {
    const missing = this.lastSequence_ !== null && unit.sequence !== ((this.lastSequence_ + 1) >>> 0);
    this.lastSequence_ = unit.sequence;
    if (unit.discontinuity || missing || queued >= this.full) this.needsKey_ = true;
    const skip = unit.key && queued >= this.behind;
    if (!this.needsKey_ && !skip) return 'decode';
    if (!unit.key) {
      this.dropped_ += 1;
      return 'drop';
    }
    this.needsKey_ = false;
    // Behind, or another moment: throw away what the decoder still holds.
    return skip || unit.discontinuity ? 'reset-and-decode' : 'decode';
  }
}
