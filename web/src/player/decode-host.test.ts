import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DecodeHost, type DecodeAnswer } from './decode-host';
import type { Unit } from './header';

let open = 0;
class FakeFrame {
  readonly colorSpace = { matrix: 'smpte170m', fullRange: false };
  readonly displayWidth = 8;
  readonly displayHeight = 8;
  readonly visibleRect = { width: 8, height: 8 };
  static format: string | null = 'I420';
  readonly format = FakeFrame.format;
  private closed_ = false;
  constructor(readonly timestamp: number) { open += 1; }
  allocationSize() { return 96; }
  async copyTo(bytes: Uint8Array) {
    bytes.fill(128);
    return [{ offset: 0, stride: 8 }, { offset: 64, stride: 4 }, { offset: 80, stride: 4 }];
  }
  close() {
    expect(this.closed_, 'closed twice').toBe(false);
    this.closed_ = true;
    open -= 1;
  }
}

/** Decodes at once what it is given. */
class FakeDecoder {
  static last: FakeDecoder;
  static supported = true;
  static isConfigSupported = async () => ({ supported: FakeDecoder.supported });
  state = 'unconfigured';
  decodeQueueSize = 0;
  constructor(readonly init: { output: (frame: FakeFrame) => void; error: (error: Error) => void }) { FakeDecoder.last = this; }
  configure() { this.state = 'configured'; }
  reset() { this.state = 'unconfigured'; }
  close() { this.state = 'closed'; }
  decode(chunk: { timestamp: number }) { this.init.output(new FakeFrame(chunk.timestamp)); }
}

const codec = 'avc1.42c016';
let sequence = 0;
const unit = (captureUs: number, more: Partial<Unit> = {}): Unit => ({
  id: 1, key: true, discontinuity: false, init: false, skipped: false, audio: false, preroll: false,
  sequence: ++sequence, captureUs, mediaTime: 0, payload: new Uint8Array(1), ...more,
});

describe('DecodeHost', () => {
  let answers: DecodeAnswer[];
  let host: DecodeHost;
  const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);
  const painted = () => answers.flatMap((answer) => (answer.op === 'paint' ? answer.paintings : []));
  const begin = (id: number) => {
    host.request({ op: 'resize', id, width: 4, height: 4 });
    host.request({ op: 'configure', id, epoch: 1, codec });
  };

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('VideoDecoder', FakeDecoder);
    vi.stubGlobal('EncodedVideoChunk', class { constructor(init: object) { Object.assign(this, init); } });
    [open, sequence, FakeFrame.format, FakeDecoder.supported] = [0, 0, 'I420', true];
    answers = [];
    host = new DecodeHost((answer) => answers.push(answer));
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it('answers with small pixels and closes the frame', async () => {
    begin(1);
    host.request({ op: 'unit', id: 1, unit: unit(100) });
    await settle();
    expect(painted()).toMatchObject([{ id: 1, epoch: 1, captureUs: 100, width: 4, height: 4, displayWidth: 8, displayHeight: 8 }]);
    expect((painted()[0]!.image as Uint8ClampedArray).length).toBe(4 * 4 * 4);
    expect(open).toBe(0);
  });
  it('hands over frames that it cannot or need not shrink', async () => {
    begin(1);
    host.request({ op: 'resize', id: 1, width: 8, height: 8 });
    host.request({ op: 'unit', id: 1, unit: unit(100) });
    await settle();
    host.request({ op: 'resize', id: 1, width: 4, height: 4 });
    FakeFrame.format = 'NV12';
    host.request({ op: 'unit', id: 1, unit: unit(200) });
    host.request({ op: 'painted' });
    await settle();
    expect(painted().map(({ image, width }) => [image instanceof FakeFrame, width])).toEqual([[true, 8], [true, 4]]);
    expect(open).toBe(2);
  });
  it('waits until a batch is painted, then sends the newest frame of each picture', async () => {
    begin(1);
    begin(2);
    host.request({ op: 'unit', id: 1, unit: unit(100) });
    await settle();
    for (const captureUs of [200, 300, 400]) host.request({ op: 'unit', id: 1, unit: unit(captureUs) });
    host.request({ op: 'unit', id: 2, unit: unit(250) });
    await settle(1_000);
    expect(painted().map((each) => each.captureUs)).toEqual([100]);
    host.request({ op: 'painted' });
    await settle();
    expect(painted().map((each) => each.captureUs)).toEqual([100, 400, 250]);
    expect(answers.length).toBe(2);
    expect(open).toBe(0);
  });
  it('gathers the frames of a full wall', async () => {
    for (let id = 1; id <= 10; id += 1) begin(id);
    host.request({ op: 'unit', id: 1, unit: unit(100) });
    await settle();
    host.request({ op: 'painted' });
    for (let id = 2; id <= 10; id += 1) {
      host.request({ op: 'unit', id, unit: unit(100) });
      await settle(3);
    }
    expect(answers.length).toBe(1);
    await settle(30);
    expect(answers.length).toBe(2);
    expect(painted().length).toBe(10);
  });
  it('shows nothing of before a reset, and marks what comes after it', async () => {
    begin(1);
    host.request({ op: 'unit', id: 1, unit: unit(100) });
    await settle();
    host.request({ op: 'unit', id: 1, unit: unit(200) });
    host.request({ op: 'reset', id: 1, epoch: 2 });
    host.request({ op: 'painted' });
    await settle(1_000);
    expect(painted().map((each) => each.captureUs)).toEqual([100]);
    host.request({ op: 'unit', id: 1, unit: unit(300, { key: false }) });
    host.request({ op: 'unit', id: 1, unit: unit(400) });
    await settle();
    expect(painted().map((each) => [each.captureUs, each.epoch])).toEqual([[100, 1], [400, 2]]);
    expect(open).toBe(0);
  });
  it('does not show the way to the moment sought, unless it ends there', async () => {
    begin(1);
    host.request({ op: 'unit', id: 1, unit: unit(100, { preroll: true }) });
    host.request({ op: 'unit', id: 1, unit: unit(200, { preroll: true, key: false }) });
    host.request({ op: 'unit', id: 1, unit: unit(300, { key: false }) });
    await settle();
    expect(painted().map((each) => each.captureUs)).toEqual([300]);
    host.request({ op: 'painted' });
    host.request({ op: 'unit', id: 1, unit: unit(400, { preroll: true, discontinuity: true }) });
    await settle(100);
    expect(painted().length).toBe(1);
    await settle(100);
    expect(painted().map((each) => each.captureUs)).toEqual([300, 400]);
  });
  it('lets go of everything when a picture goes', async () => {
    begin(1);
    FakeFrame.format = 'NV12';
    host.request({ op: 'unit', id: 1, unit: unit(100) });
    await settle();
    host.request({ op: 'unit', id: 1, unit: unit(200) });
    host.request({ op: 'destroy', id: 1 });
    expect(FakeDecoder.last.state).toBe('closed');
    expect(open, 'only the one handed over').toBe(1);
    FakeDecoder.last.init.output(new FakeFrame(300));
    expect(open).toBe(1);
    host.request({ op: 'painted' });
    await settle(1_000);
    expect(painted().length).toBe(1);
  });
  it('says what it cannot decode', async () => {
    FakeDecoder.supported = false;
    host.request({ op: 'configure', id: 7, epoch: 1, codec: 'hvc1.1.6.L93' });
    await settle();
    expect(answers).toEqual([{ op: 'unsupported', id: 7, codec: 'hvc1.1.6.L93' }]);
  });
  it('gives up after errors without a picture between them', async () => {
    begin(1);
    for (let count = 0; count < 5; count += 1) FakeDecoder.last.init.error(new Error('torn'));
    expect(answers).toEqual([{ op: 'failed', id: 1, reason: 'torn' }]);
  });
});
