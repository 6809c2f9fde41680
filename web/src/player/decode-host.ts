// Decodes many pictures and hands over what is to be painted in batches, the next one when the last was painted:
// a page that is slow gets fewer frames, each of them the newest. Runs in a page or a worker.
import { Decoding, Scratch, type Painting } from './decoding';
import type { Unit } from './header';

export type DecodeRequest =
  | { op: 'configure'; id: number; epoch: number; codec: string }
  | { op: 'unit'; id: number; unit: Unit }
  | { op: 'reset'; id: number; epoch: number }
  | { op: 'resize'; id: number; width: number; height: number }
  | { op: 'destroy'; id: number }
  | { op: 'painted' };

export type DecodeAnswer =
  | { op: 'paint'; paintings: (Painting & { id: number })[] }
  | { op: 'unsupported'; id: number; codec: string }
  | { op: 'failed'; id: number; reason: string };

// A full wall is painted at most this often: many tiles together cost one message and one composition of the
// page instead of one for each tile, and this is still twice the rate of a sub stream.
const crowd = 10;
const crowdIntervalMs = 30;

export class DecodeHost {
  private readonly decodings_ = new Map<number, Decoding>();
  private readonly due_ = new Set<number>();
  private readonly scratch_ = new Scratch();
  private scheduled_ = false;
  private batchMs_ = -Infinity;

  constructor(private readonly answer: (answer: DecodeAnswer, transfer: Transferable[]) => void) {}

  request(request: DecodeRequest): void {
    if (request.op === 'painted') {
      this.scheduled_ = false;
      if (this.due_.size > 0) this.schedule();
      return;
    }
    const decoding = this.decodings_.get(request.id) ?? this.add(request.id);
    switch (request.op) {
      case 'configure': return decoding.configure(request.codec, request.epoch);
      case 'unit': return decoding.unit(request.unit);
      case 'reset': return decoding.reset(request.epoch);
      case 'resize': return decoding.resize(request);
      case 'destroy':
        decoding.destroy();
        this.decodings_.delete(request.id);
        this.due_.delete(request.id);
    }
  }

  private add(id: number): Decoding {
    const decoding = new Decoding({
      due: () => {
        this.due_.add(id);
        this.schedule();
      },
      unsupported: (codec) => this.answer({ op: 'unsupported', id, codec }, []),
      failed: (reason) => this.answer({ op: 'failed', id, reason }, []),
    });
    this.decodings_.set(id, decoding);
    return decoding;
  }

  private schedule(): void {
    if (this.scheduled_) return;
    this.scheduled_ = true;
    const interval = this.decodings_.size >= crowd ? crowdIntervalMs : 0;
    const wait = this.batchMs_ + interval - performance.now();
    if (wait > 0) setTimeout(() => void this.batch(), wait);
    else void this.batch();
  }

  private async batch(): Promise<void> {
    this.batchMs_ = performance.now();
    const paintings: (Painting & { id: number })[] = [];
    const due = [...this.due_];
    this.due_.clear();
    for (const id of due) {
      const painting = await this.decodings_.get(id)?.take(this.scratch_);
      if (painting) paintings.push({ ...painting, id });
    }
    if (paintings.length === 0) {
      this.request({ op: 'painted' });
      return;
    }
    this.answer({ op: 'paint', paintings }, paintings.map(({ image }) => (image instanceof Uint8ClampedArray ? image.buffer : image)));
  }
}
