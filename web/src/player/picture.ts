// One moving picture: a subscription, its renderer, and the honest answer to "what am I looking at".
// Frames are not reactive state (there are a thousand a second); whoever shows the clock asks for it.
import type { Problem } from '../api/types';
import { Backoff } from './backoff';
import type { Sink, StreamConnection, Subscription } from './connection';
import type { Unit } from './header';
import type { AudioMessage, Position, StateMessage, Subscribed, SubscribeOptions } from './messages';
import type { Renderer, RendererEvents } from './renderer';
import { Sound, hasAudioDecoder } from './sound';
import { FreezeWatch } from './watchdog';

export type PictureState =
  | 'connecting' | 'live' | 'late' | 'playing' | 'paused' | 'gap' | 'ended' | 'frozen'
  | 'disconnected' | 'offline' | 'forbidden' | 'missing' | 'unsupported' | 'crowded';

export interface PictureInfo {
  state: PictureState;
  /** A stable code or a sentence of the hub's, for the person who asks why. */
  reason?: string;
  width: number;
  height: number;
  /** The camera sends sound that this browser can play. */
  sound: boolean;
  /** The hub makes the picture into one that this browser can decode. */
  transcoded?: boolean;
}

export interface PictureOptions extends Omit<SubscribeOptions, 'format'> {
  onInfo: (info: PictureInfo) => void;
}

const alive = new Set<Picture>();
let ticker: ReturnType<typeof setInterval> | undefined;

function watch(picture: Picture): () => void {
  alive.add(picture);
  ticker ??= setInterval(() => {
    const now = performance.now();
    for (const each of alive) each.tick(now);
  }, 500);
  return () => {
    alive.delete(picture);
    if (alive.size === 0) {
      clearInterval(ticker);
      ticker = undefined;
    }
  };
}

/** States in which no frame is due. */
const still: ReadonlySet<PictureState> = new Set(
  ['paused', 'gap', 'ended', 'disconnected', 'offline', 'forbidden', 'missing', 'unsupported', 'crowded']);

/** Above it, and backwards, the hub gives key frames only. */
const fastestFullSpeed = 4;

/** States that only a new subscription leaves. */
const refused: ReadonlySet<PictureState> = new Set(['forbidden', 'missing', 'unsupported', 'crowded']);

export class Picture implements Sink, RendererEvents {
  private readonly subscription_: Subscription;
  private readonly renderer_: Renderer;
  private readonly freeze_ = new FreezeWatch(performance.now());
  private readonly refusals_ = new Backoff(3_000, 60_000);
  private retryAtMs_ = Infinity;
  private readonly unwatch_: () => void;
  private readonly sound_ = new Sound();
  private info_: PictureInfo = { state: 'connecting', width: 0, height: 0, sound: false };
  private captureUs_ = 0;
  private frames_ = 0;
  private live_: boolean;
  private paused_ = false;
  private awaitingSeek_ = false;
  private seekDeadlineMs_ = 0;

  constructor(
    connection: StreamConnection,
    makeRenderer: (events: RendererEvents) => Renderer,
    private readonly options: PictureOptions,
  ) {
    this.renderer_ = makeRenderer(this);
    this.live_ = options.position === 'live';
    const { onInfo: _, ...subscribe } = options;
    this.subscription_ = connection.subscribe({ ...subscribe, format: this.renderer_.format }, this);
    this.unwatch_ = watch(this);
  }

  /** When the shown frame was taken, or null before the first. */
  get captureTime(): Date | null {
    return this.captureUs_ > 0 ? new Date(this.captureUs_ / 1000) : null;
  }
  get frames(): number {
    return this.frames_;
  }
  /** Where the clock of its group stands by the frame that is shown, or null before the first. */
  get groupTime(): Date | null {
    const offsetMs = this.subscription_.options.offset_ms ?? 0;
    return this.captureUs_ > 0 ? new Date(this.captureUs_ / 1000 + offsetMs) : null;
  }
  /** Commands have an effect: it was not refused. */
  get usable(): boolean {
    return !refused.has(this.info_.state);
  }
  get live(): boolean {
    return this.live_;
  }
  get listening(): boolean {
    return this.sound_.listening;
  }
  /** Sound reached the loudspeaker. */
  get heard(): boolean {
    return this.sound_.heard;
  }
  get seeking(): boolean {
    return this.awaitingSeek_;
  }

  /** Call it from a click. */
  listen(on: boolean): void {
    this.sound_.listen(on);
  }
  resize(width: number, height: number): void {
    this.renderer_.resize(width, height);
  }
  /** `tell` false, here and below: another of the group says it to the hub for all. */
  seek(position: Position, tell = true): void {
    this.live_ = position === 'live';
    this.awaitingSeek_ = true;
    this.seekDeadlineMs_ = performance.now() + 1_500;
    this.freeze_.excuse(performance.now());
    this.subscription_.seek(position, tell);
    if (still.has(this.info_.state) && !this.paused_) this.enter('connecting');
  }
  speed(speed: number, tell = true): void {
    this.freeze_.excuse(performance.now());
    this.subscription_.speed(speed, tell);
  }
  /** Only this one moves; the group's clock goes on. */
  offset(ms: number): void {
    this.freeze_.excuse(performance.now());
    this.subscription_.offset(ms);
  }
  pause(tell = true): void {
    this.paused_ = true;
    this.sound_.reset();
    if (tell) this.subscription_.pause();
    this.enter('paused');
  }
  resume(tell = true): void {
    this.paused_ = false;
    this.freeze_.excuse(performance.now());
    if (tell) this.subscription_.resume();
    this.enter('connecting');
  }
  step(frames: number, tell = true): void {
    this.paused_ = true;
    if (tell) this.subscription_.step(frames);
    this.enter('paused');
  }
  destroy(): void {
    this.unwatch_();
    this.subscription_.close();
    this.sound_.destroy();
    this.renderer_.destroy();
  }

  tick(nowMs: number): void {
    if (this.awaitingSeek_ && nowMs > this.seekDeadlineMs_) this.awaitingSeek_ = false;
    if (nowMs >= this.retryAtMs_) this.retry();
    // Of key frames alone the next may be many seconds away.
    const { speed } = this.subscription_.options;
    const sparse = !this.live_ && (speed < 0 || speed > fastestFullSpeed);
    if (still.has(this.info_.state) || sparse) {
      this.freeze_.excuse(nowMs);
      return;
    }
    const again = this.freeze_.check(nowMs);
    if (this.freeze_.frozen && this.frames_ > 0 && this.info_.state !== 'frozen') this.enter('frozen');
    if (again) this.retry();
  }
  /** Asks for the stream anew, from where it was. */
  retry(): void {
    this.retryAtMs_ = Infinity;
    if (!this.live_ && this.groupTime) this.subscription_.options.position = this.groupTime;
    this.renderer_.reset();
    this.sound_.reset();
    this.subscription_.renew();
  }

  // From the connection.
  subscribed(answer: Subscribed): void {
    if (refused.has(this.info_.state) || this.info_.state === 'disconnected') this.enter('connecting');
    this.renderer_.configure(answer.codec);
    if (answer.transcoded !== (this.info_.transcoded ?? false)) {
      this.info_ = { ...this.info_, transcoded: answer.transcoded };
      this.options.onInfo(this.info_);
    }
    if (this.paused_) this.subscription_.pause();
  }
  audio(format: AudioMessage): void {
    this.sound_.configure(format);
    if (this.info_.sound || !hasAudioDecoder) return;
    this.info_ = { ...this.info_, sound: true };
    this.options.onInfo(this.info_);
  }
  unit(unit: Unit): void {
    if (unit.audio) {
      if (!this.awaitingSeek_) this.sound_.unit(unit);
      return;
    }
    // After a seek the units already on their way are of the old moment.
    if (this.awaitingSeek_) {
      if (!unit.discontinuity && performance.now() < this.seekDeadlineMs_) return;
      this.awaitingSeek_ = false;
      this.renderer_.reset();
      this.sound_.reset();
    }
    this.renderer_.unit(unit);
  }
  state(message: StateMessage): void {
    if (refused.has(this.info_.state)) return;
    const known: Partial<Record<string, PictureState>> = {
      late: 'late', gap: 'gap', ended: 'ended', paused: 'paused',
    };
    if (message.state === 'live') {
      this.live_ = true;
      // Live is what shows frames, not what promises them.
      if (this.info_.state !== 'frozen') this.enter(this.frames_ === 0 || this.info_.state === 'disconnected' ? 'connecting' : 'live');
      return;
    }
    // Live has no gap to skip: the camera is away, and the picture goes on by itself when it is back.
    const state = message.state === 'gap' && this.live_ ? 'offline' : known[message.state];
    if (state) this.enter(state, state === 'offline' ? message.reason ?? message.cause : message.cause ?? message.reason);
  }
  error(problem: Problem): void {
    const reason = problem.detail ?? problem.title;
    if (problem.status === 401 || problem.status === 403) this.enter('forbidden', reason);
    else if (problem.status === 429) this.enter('crowded', reason);
    else if (problem.status === 404) this.enter(this.live_ ? 'missing' : 'gap', reason);
    else this.enter('offline', reason);
    this.retryAtMs_ = performance.now() + this.refusals_.next();
  }
  disconnected(): void {
    if (this.info_.state !== 'forbidden') this.enter('disconnected');
    // Playback goes on where it was; live begins anew.
    if (!this.live_ && this.groupTime) this.subscription_.options.position = this.groupTime;
  }

  // From the renderer.
  frame(captureUs: number, width: number, height: number): void {
    this.captureUs_ = captureUs;
    this.frames_ += 1;
    this.freeze_.frame(performance.now());
    this.retryAtMs_ = Infinity;
    this.refusals_.reset();
    if (width !== this.info_.width || height !== this.info_.height) {
      this.info_ = { ...this.info_, width, height };
      this.options.onInfo(this.info_);
    }
    if (this.paused_ || this.info_.state === 'late' && this.live_) return;
    const running: PictureState = this.live_ ? 'live' : 'playing';
    if (this.info_.state !== running) this.enter(running);
  }
  unsupported(codec: string): void {
    this.enter('unsupported', codec);
  }
  failed(reason: string): void {
    // The watchdog asks for the stream again, no sooner than it allows.
    this.enter('frozen', reason);
  }

  private enter(state: PictureState, reason?: string): void {
    if (this.info_.state === state && this.info_.reason === reason) return;
    this.info_ = { ...this.info_, state, reason };
    this.options.onInfo(this.info_);
  }
}
