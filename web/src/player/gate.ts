// Decides for each access unit whether it goes to the decoder. A viewer that falls behind skips to the
// next key frame instead of growing a queue, and nothing is decoded that refers to a frame that is missing.
import type { Unit } from './header';

export type Verdict = 'decode' | 'drop' | 'reset-and-decode';

export class DecodeGate {
  private needsKey_ = true;
  private lastSequence_: number | null = null;
  private dropped_ = 0;

  /** `maxQueue`: units in the decoder at which this viewer counts as behind. */
  constructor(private readonly maxQueue = 12) {}

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
    if (unit.discontinuity || missing) this.needsKey_ = true;
    if (queued >= this.maxQueue) this.needsKey_ = true;
    if (!this.needsKey_) return 'decode';
    if (!unit.key) {
      this.dropped_ += 1;
      return 'drop';
    }
    this.needsKey_ = false;
    // A full decoder or another moment: throw away what it still holds.
    return queued >= this.maxQueue || unit.discontinuity ? 'reset-and-decode' : 'decode';
  }
}
