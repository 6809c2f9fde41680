// One WebSocket for every picture of the page. It numbers subscriptions, hands each binary message to its
// owner, and after a break connects again with growing waits and asks for everything anew.
import { Backoff } from './backoff';
import { parseUnit, type Unit } from './header';
import { parseServerMessage, wirePosition, type AudioMessage, type Command, type Position, type StateMessage, type Subscribed, type SubscribeOptions } from './messages';
import type { Problem } from '../api/types';

export interface Sink {
  subscribed(answer: Subscribed): void;
  audio?(format: AudioMessage): void;
  unit(unit: Unit): void;
  state(message: StateMessage): void;
  error(problem: Problem): void;
  /** The connection broke; what was decoded so far is all there is. */
  disconnected(): void;
}

/** The part of WebSocket that is used, so that tests can stand in for it. */
export interface Socket {
  binaryType: string;
  onopen: (() => void) | null;
  onclose: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  send(text: string): void;
  close(): void;
}

export type ConnectionState = 'idle' | 'connecting' | 'open' | 'waiting';

export interface Environment {
  connect: () => Socket;
  setTimer: (run: () => void, ms: number) => number;
  clearTimer: (timer: number) => void;
  backoff?: Backoff;
  /** Milliseconds of a clock that only goes forward. */
  now?: () => number;
}

/** A socket that says nothing for so long when a picture is missed is dead, whatever the browser thinks of it. */
export const deafAfterMs = 4_000;
/** A connection that is not made by then is tried anew: into the void a browser waits for minutes. */
export const openWithinMs = 10_000;

export class Subscription {
  constructor(
    private readonly connection: StreamConnection,
    public id: number,
    readonly options: SubscribeOptions,
    readonly sink: Sink,
  ) {}

  /** `tell` false, here and below: another of the group says it for all. */
  seek(position: Position, tell = true): void {
    this.options.position = position;
    if (tell) this.connection.command({ op: 'seek', id: this.id, position: wirePosition(position) });
  }
  speed(speed: number, tell = true): void {
    this.options.speed = speed;
    if (tell) this.connection.command({ op: 'speed', id: this.id, speed });
  }
  pause(): void {
    this.connection.command({ op: 'pause', id: this.id });
  }
  resume(): void {
    this.connection.command({ op: 'resume', id: this.id });
  }
  step(frames: number): void {
    this.connection.command({ op: 'step', id: this.id, frames });
  }
  offset(ms: number): void {
    this.options.offset_ms = ms;
    this.connection.command({ op: 'offset', id: this.id, offset_ms: ms });
  }
  /** Asks for the same again under a new number, so that late units of the old one are recognised. */
  renew(): void {
    this.connection.renew(this);
  }
  close(): void {
    this.connection.remove(this);
  }
}

export class StreamConnection {
  private socket_: Socket | null = null;
  private state_: ConnectionState = 'idle';
  private nextId_ = 1;
  private timer_: number | null = null;
  private openTimer_: number | null = null;
  private heardMs_ = 0;
  private suspended_ = false;
  private readonly subscriptions_ = new Map<number, Subscription>();
  private readonly backoff_: Backoff;
  private readonly listeners_ = new Set<(state: ConnectionState) => void>();

  constructor(private readonly environment: Environment) {
    this.backoff_ = environment.backoff ?? new Backoff();
  }

  get state(): ConnectionState {
    return this.state_;
  }
  get size(): number {
    return this.subscriptions_.size;
  }

  onState(listener: (state: ConnectionState) => void): () => void {
    this.listeners_.add(listener);
    listener(this.state_);
    return () => this.listeners_.delete(listener);
  }

  subscribe(options: SubscribeOptions, sink: Sink): Subscription {
    const subscription = new Subscription(this, this.takeId(), { ...options }, sink);
    this.subscriptions_.set(subscription.id, subscription);
    if (this.state_ === 'open') this.announce(subscription);
    else if (this.state_ === 'idle' && !this.suspended_) this.connect();
    return subscription;
  }

  /** While nobody looks (a hidden page) nothing is received; `resume` asks for everything anew. */
  suspend(): void {
    this.suspended_ = true;
    this.drop();
    this.enter('idle');
  }
  resume(): void {
    if (!this.suspended_) return;
    this.suspended_ = false;
    this.backoff_.reset();
    if (this.subscriptions_.size > 0) this.connect();
  }

  command(command: Command): void {
    if (this.state_ === 'open') this.socket_?.send(JSON.stringify(command));
  }
  renew(subscription: Subscription): void {
    if (!this.subscriptions_.delete(subscription.id)) return;
    // Half-open: the hub is gone and nothing was said (a cable, a router, a laptop that slept).
    if (this.state_ === 'open' && this.now() - this.heardMs_ >= deafAfterMs) {
      subscription.id = this.takeId();
      this.subscriptions_.set(subscription.id, subscription);
      this.drop();
      this.connect();
      return;
    }
    this.command({ op: 'unsubscribe', id: subscription.id });
    subscription.id = this.takeId();
    this.subscriptions_.set(subscription.id, subscription);
    if (this.state_ === 'open') this.announce(subscription);
  }
  remove(subscription: Subscription): void {
    if (!this.subscriptions_.delete(subscription.id)) return;
    this.command({ op: 'unsubscribe', id: subscription.id });
  }
  close(): void {
    this.subscriptions_.clear();
    this.drop();
    this.enter('idle');
  }

  private now(): number {
    return this.environment.now?.() ?? performance.now();
  }

  private takeId(): number {
    if (this.subscriptions_.size >= 0xffff) throw new Error('more than 65535 subscriptions on one connection');
    while (this.subscriptions_.has(this.nextId_)) this.advanceId();
    const id = this.nextId_;
    this.advanceId();
    return id;
  }
  private advanceId(): void {
    this.nextId_ = this.nextId_ >= 0xffff ? 1 : this.nextId_ + 1;
  }

  private announce(subscription: Subscription): void {
    const { position, ...rest } = subscription.options;
    this.command({ op: 'subscribe', id: subscription.id, ...rest, position: wirePosition(position) });
  }

  private enter(state: ConnectionState): void {
    if (this.state_ === state) return;
    this.state_ = state;
    for (const listener of this.listeners_) listener(state);
  }

  private connect(): void {
    this.enter('connecting');
    const socket = this.environment.connect();
    this.socket_ = socket;
    socket.binaryType = 'arraybuffer';
    const lost = () => {
      if (this.socket_ !== socket) return;
      this.drop();
      this.enter('waiting');
      this.timer_ = this.environment.setTimer(() => {
        this.timer_ = null;
        this.connect();
      }, this.backoff_.next());
    };
    this.openTimer_ = this.environment.setTimer(lost, openWithinMs);
    socket.onopen = () => {
      this.stopOpenTimer();
      this.heardMs_ = this.now();
      this.backoff_.reset();
      this.enter('open');
      for (const subscription of this.subscriptions_.values()) this.announce(subscription);
    };
    socket.onmessage = (event) => {
      this.heardMs_ = this.now();
      this.receive(event.data);
    };
    socket.onclose = lost;
  }

  private stopOpenTimer(): void {
    if (this.openTimer_ !== null) this.environment.clearTimer(this.openTimer_);
    this.openTimer_ = null;
  }

  private drop(): void {
    if (this.timer_ !== null) this.environment.clearTimer(this.timer_);
    this.timer_ = null;
    this.stopOpenTimer();
    const socket = this.socket_;
    this.socket_ = null;
    if (!socket) return;
    socket.onopen = socket.onclose = socket.onmessage = null;
    socket.close();
    for (const subscription of this.subscriptions_.values()) subscription.sink.disconnected();
  }

  private receive(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      const unit = parseUnit(data);
      if (unit) this.subscriptions_.get(unit.id)?.sink.unit(unit);
      return;
    }
    const message = typeof data === 'string' ? parseServerMessage(data) : null;
    if (!message || message.id === null) return;
    const sink = this.subscriptions_.get(message.id)?.sink;
    if (!sink) return;
    if (message.op === 'subscribed') sink.subscribed(message);
    else if (message.op === 'audio') sink.audio?.(message);
    else if (message.op === 'state') sink.state(message);
    else sink.error(message.problem);
  }
}
