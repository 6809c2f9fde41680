// WebCodecs onto a 2D canvas. A worker decodes and shrinks, the page only puts the pixels: on two busy cores without
// a GPU 60 tiles get 720 to 900 of 900 frames a second so, and 270 to 380 by drawImage onto OffscreenCanvases there.
import { DecodeHost, type DecodeAnswer, type DecodeRequest } from './decode-host';
import type { Painting } from './decoding';
import type { Unit } from './header';
import type { Renderer, RendererEvents } from './renderer';
import type { Size } from './shrink';

type Ask = (request: DecodeRequest, transfer?: Transferable[]) => void;

const renderers = new Map<number, CanvasRenderer>();
let nextId = 1;
let host: Ask | undefined;

/** The one host of all pictures: in a worker, or in the page where that cannot be. */
function ask(request: DecodeRequest, transfer?: Transferable[]): void {
  host ??= typeof Worker === 'function' ? hostInWorker() : hostInPage();
  host(request, transfer);
}

function hostInPage(): Ask {
  const made: DecodeHost = new DecodeHost((answer) => receive(answer, (request) => made.request(request)));
  return (request) => made.request(request);
}

function hostInWorker(): Ask {
  const worker = new Worker(new URL('./decode-worker.ts', import.meta.url), { type: 'module' });
  const post: Ask = (request, transfer = []) => worker.postMessage(request, transfer);
  worker.onmessage = (event: MessageEvent<DecodeAnswer>) => receive(event.data, post);
  worker.onerror = (event) => {
    console.warn('decoding in the page:', event.message ?? 'the worker did not load');
    worker.terminate();
    host = hostInPage();
    for (const renderer of renderers.values()) renderer.begin();
  };
  return post;
}

function receive(answer: DecodeAnswer, from: Ask): void {
  if (answer.op !== 'paint') {
    renderers.get(answer.id)?.refuse(answer);
    return;
  }
  requestAnimationFrame(() => {
    for (const painting of answer.paintings) {
      renderers.get(painting.id)?.paint(painting);
      if (painting.image instanceof VideoFrame) painting.image.close();
    }
    from({ op: 'painted' });
  });
}

export class CanvasRenderer implements Renderer {
  readonly format = 'annexb' as const;
  private readonly context_: CanvasRenderingContext2D | null;
  private readonly id_ = nextId++;
  private codec_ = '';
  private epoch_ = 0;
  private limit_: Size = { width: 640, height: 360 };

  constructor(private readonly canvas: HTMLCanvasElement, private readonly events: RendererEvents) {
    this.context_ = canvas.getContext('2d', { alpha: false });
    renderers.set(this.id_, this);
  }

  configure(codec: string): void {
    this.codec_ = codec;
    this.begin();
  }
  unit(unit: Unit): void {
    if (unit.audio || unit.init) return;
    ask({ op: 'unit', id: this.id_, unit }, [unit.payload.buffer as ArrayBuffer]);
  }
  reset(): void {
    this.epoch_ += 1;
    ask({ op: 'reset', id: this.id_, epoch: this.epoch_ });
  }
  resize(width: number, height: number): void {
    this.limit_ = { width: Math.max(1, width), height: Math.max(1, height) };
    ask({ op: 'resize', id: this.id_, ...this.limit_ });
  }
  destroy(): void {
    if (renderers.delete(this.id_)) ask({ op: 'destroy', id: this.id_ });
  }

  /** Tells the host, perhaps another one than before, all it has to know. */
  begin(): void {
    if (!this.codec_) return;
    this.epoch_ += 1;
    ask({ op: 'resize', id: this.id_, ...this.limit_ });
    ask({ op: 'configure', id: this.id_, epoch: this.epoch_, codec: this.codec_ });
  }
  refuse(answer: Exclude<DecodeAnswer, { op: 'paint' }>): void {
    if (answer.op === 'unsupported') this.events.unsupported(answer.codec);
    else this.events.failed(answer.reason);
  }
  paint({ epoch, captureUs, displayWidth, displayHeight, width, height, image }: Painting): void {
    // What was on its way when the time line broke is of the old moment.
    if (epoch !== this.epoch_) return;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    if (image instanceof VideoFrame) this.context_?.drawImage(image, 0, 0, width, height);
    else this.context_?.putImageData(new ImageData(image, width, height), 0, 0);
    this.events.frame(captureUs, displayWidth, displayHeight);
  }
}
