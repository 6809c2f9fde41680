// Who is logged in and what he may. `unknown` until the hub has been asked.
import { api, ApiError, whenUnauthorized } from '../api/client';
import type { Right, Session, User } from '../api/types';

class SessionStore {
  phase = $state<'unknown' | 'out' | 'in' | 'unreachable'>('unknown');
  session = $state.raw<Session | null>(null);
  /** True when a session that was there has ended: the log-in page says so. */
  expired = $state(false);

  get user(): User | null {
    return this.session?.user ?? null;
  }
  may(right: Right): boolean {
    return this.session?.rights.includes(right) ?? false;
  }

  async restore(): Promise<void> {
    try {
      this.enter(await api.session());
    } catch (error) {
      this.phase = error instanceof ApiError && error.status === 401 ? 'out' : 'unreachable';
    }
  }
  /** Leaves when the hub no longer knows the session; any other failure means nothing. */
  async check(): Promise<void> {
    try {
      await api.session();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.leave(true);
    }
  }
  async logIn(username: string, password: string): Promise<void> {
    this.enter(await api.logIn(username, password));
  }
  async logOut(): Promise<void> {
    try {
      await api.logOut();
    } finally {
      this.leave(false);
    }
  }
  async changePassword(current: string, next: string): Promise<void> {
    await api.changePassword(current, next);
    await this.restore();
  }
  leave(expired: boolean): void {
    if (this.phase !== 'in') return;
    this.session = null;
    this.expired = expired;
    this.phase = 'out';
  }
  private enter(session: Session): void {
    this.session = session;
    this.expired = false;
    this.phase = 'in';
  }
}

export const session = new SessionStore();
whenUnauthorized(() => session.leave(true));
