// The registry's cameras as this person may see them, and what state each is in. Events of the hub keep it
// fresh; `stale` says that they stopped coming.
import { api, ApiError, socketUrl } from '../api/client';
import type { Camera, CameraState, HubEvent, PictureHealth } from '../api/types';
import { Backoff } from '../player/backoff';
import { session } from './session.svelte';

export interface LiveState { state: CameraState; since?: string | null; reason?: string | null }

class CameraStore {
  all = $state.raw<Camera[]>([]);
  phase = $state<'loading' | 'ready' | 'failed'>('loading');
  failure = $state.raw<ApiError | null>(null);
  states = $state<Record<string, LiveState>>({});
  /** What the hub saw when it looked at their pictures. */
  pictures = $state<Record<string, PictureHealth>>({});
  /** The event connection is down: states are of earlier. */
  stale = $state(false);

  readonly byId = $derived(new Map(this.all.map((camera) => [camera.id, camera])));

  private socket_: WebSocket | null = null;
  private timer_: number | undefined;
  private reload_: number | undefined;
  private readonly backoff_ = new Backoff();

  stateOf(id: string): LiveState {
    const camera = this.byId.get(id);
    if (camera && !camera.enabled) return { state: 'disabled' };
    return this.states[id] ?? { state: 'connecting' };
  }

  /** What is wrong with a camera's picture though it comes; null when nothing is. */
  troubleOf(id: string): PictureHealth | null {
    const picture = this.pictures[id];
    return picture && picture.state !== 'ok' && picture.state !== 'unknown' && this.stateOf(id).state === 'live' ? picture : null;
  }

  async load(): Promise<void> {
    try {
      const cameras = await api.cameras();
      cameras.sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
      this.all = cameras;
      this.phase = 'ready';
      this.failure = null;
    } catch (error) {
      this.failure = error instanceof ApiError ? error : new ApiError({ status: 0 });
      if (this.phase === 'loading') this.phase = 'failed';
    }
  }

  start(): void {
    void this.load();
    if (session.may('events.read')) this.listen();
  }
  stop(): void {
    window.clearTimeout(this.timer_);
    window.clearTimeout(this.reload_);
    if (this.socket_) this.socket_.onclose = null;
    this.socket_?.close();
    this.socket_ = null;
    this.all = [];
    this.states = {};
    this.pictures = {};
    this.phase = 'loading';
    this.stale = false;
  }

  private listen(): void {
    const socket = new WebSocket(socketUrl('/events'));
    this.socket_ = socket;
    socket.onopen = () => {
      this.backoff_.reset();
      if (this.stale) void this.load();
      this.stale = false;
    };
    socket.onmessage = (event) => {
      if (typeof event.data !== 'string') return;
      try {
        this.take(JSON.parse(event.data) as HubEvent);
      } catch {
        // A newer hub may say what this console does not know.
      }
    };
    socket.onclose = () => {
      this.stale = true;
      // A refused connection does not say why; the log-in may have ended.
      void session.check();
      this.timer_ = window.setTimeout(() => this.listen(), this.backoff_.next());
    };
  }

  private take(event: HubEvent): void {
    switch (event.type) {
      case 'snapshot':
        this.states = Object.fromEntries(event.cameras.map(({ id, state, since }) => [id, { state, since }]));
        this.pictures = Object.fromEntries(event.cameras.map(({ id, picture }) => [id, picture]));
        break;
      case 'camera.picture':
        this.pictures[event.camera] = event.picture;
        break;
      case 'camera.state':
        if (!event.stream || event.stream === 'main') {
          this.states[event.camera] = { state: event.state, since: event.at, reason: event.reason };
        }
        break;
      case 'camera.changed':
      case 'camera.deleted':
        // An import changes many at once: one load for all of them.
        window.clearTimeout(this.reload_);
        this.reload_ = window.setTimeout(() => void this.load(), 300);
        break;
    }
  }
}

export const cameras = new CameraStore();
