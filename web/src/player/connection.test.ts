import { beforeEach, describe, expect, it } from 'vitest';
import { Backoff } from './backoff';
import { deafAfterMs, openWithinMs, StreamConnection, type Sink, type Socket } from './connection';
import { headerBytes } from './header';
import type { SubscribeOptions } from './messages';

class FakeSocket implements Socket {
  binaryType = '';
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  sent: Record<string, unknown>[] = [];
  closed = false;
  send(text: string) { this.sent.push(JSON.parse(text)); }
  close() { this.closed = true; }
}

class RecordingSink implements Sink {
  calls: string[] = [];
  subscribed() { this.calls.push('subscribed'); }
  unit() { this.calls.push('unit'); }
  state(message: { state: string }) { this.calls.push(message.state); }
  error(problem: { status: number }) { this.calls.push(`error ${problem.status}`); }
  disconnected() { this.calls.push('disconnected'); }
}

const options: SubscribeOptions = { camera: 'cam01', stream: 'sub', position: 'live', speed: 1, format: 'annexb' };
const binary = (id: number) => {
  const buffer = new ArrayBuffer(headerBytes);
  new DataView(buffer).setUint8(0, 1);
  new DataView(buffer).setUint16(2, id);
  return buffer;
};

describe('StreamConnection', () => {
  let sockets: FakeSocket[];
  let timers: { run: () => void; ms: number }[];
  let connection: StreamConnection;
  const last = () => sockets[sockets.length - 1]!;
  /** Of the waits between tries; those of connections that are being made are apart. */
  const waits = () => timers.filter(({ ms }) => ms !== openWithinMs);

  beforeEach(() => {
    sockets = [];
    timers = [];
    connection = new StreamConnection({
      connect: () => { sockets.push(new FakeSocket()); return last(); },
      setTimer: (run, ms) => timers.push({ run, ms }) - 1,
      clearTimer: (timer) => { timers[timer]!.run = () => {}; },
      backoff: new Backoff(1_000, 30_000, () => 1),
    });
  });

  it('carries many subscriptions on one socket', () => {
    connection.subscribe(options, new RecordingSink());
    connection.subscribe({ ...options, camera: 'cam02' }, new RecordingSink());
    last().onopen!();
    connection.subscribe({ ...options, camera: 'cam03' }, new RecordingSink());
    expect(sockets).toHaveLength(1);
    expect(last().sent.map((each) => [each.op, each.id, each.camera])).toEqual(
      [['subscribe', 1, 'cam01'], ['subscribe', 2, 'cam02'], ['subscribe', 3, 'cam03']]);
  });
  it('hands messages to their owner only', () => {
    const [first, second] = [new RecordingSink(), new RecordingSink()];
    connection.subscribe(options, first);
    connection.subscribe(options, second);
    last().onopen!();
    last().onmessage!({ data: binary(2) });
    last().onmessage!({ data: '{"op":"state","id":1,"state":"late"}' });
    last().onmessage!({ data: binary(77) });
    expect(first.calls).toEqual(['late']);
    expect(second.calls).toEqual(['unit']);
  });
  it('connects again with growing waits and asks for everything anew', () => {
    const sink = new RecordingSink();
    connection.subscribe(options, sink);
    last().onopen!();
    last().onclose!();
    expect(sink.calls).toEqual(['disconnected']);
    expect(connection.state).toBe('waiting');
    waits()[0]!.run();
    last().onclose!();
    waits()[1]!.run();
    expect(waits().map((timer) => timer.ms)).toEqual([1_000, 2_000]);
    last().onopen!();
    expect(last().sent).toMatchObject([{ op: 'subscribe', camera: 'cam01', position: 'live' }]);
  });
  it('asks again from the position last sought', () => {
    const subscription = connection.subscribe(options, new RecordingSink());
    last().onopen!();
    subscription.seek(new Date(0));
    last().onclose!();
    waits()[0]!.run();
    last().onopen!();
    expect(last().sent).toMatchObject([{ position: '1970-01-01T00:00:00.000Z' }]);
  });
  it('renews under a new number and ignores units of the old one', () => {
    const sink = new RecordingSink();
    const subscription = connection.subscribe(options, sink);
    last().onopen!();
    subscription.renew();
    last().onmessage!({ data: binary(1) });
    expect(sink.calls).toEqual([]);
    last().onmessage!({ data: binary(2) });
    expect(sink.calls).toEqual(['unit']);
  });
  it('says nothing more after unsubscribing', () => {
    const sink = new RecordingSink();
    const subscription = connection.subscribe(options, sink);
    last().onopen!();
    subscription.close();
    subscription.close();
    last().onmessage!({ data: binary(1) });
    expect(sink.calls).toEqual([]);
    expect(last().sent.filter((each) => each.op === 'unsubscribe')).toHaveLength(1);
    expect(connection.size).toBe(0);
  });
  it('receives nothing while suspended and everything after', () => {
    connection.subscribe(options, new RecordingSink());
    last().onopen!();
    connection.suspend();
    expect(last().closed).toBe(true);
    connection.subscribe({ ...options, camera: 'cam02' }, new RecordingSink());
    expect(sockets).toHaveLength(1);
    connection.resume();
    last().onopen!();
    expect(sockets).toHaveLength(2);
    expect(last().sent).toHaveLength(2);
  });
  it('survives what is no message', () => {
    const sink = new RecordingSink();
    connection.subscribe(options, sink);
    last().onopen!();
    for (const data of ['{', 'null', new ArrayBuffer(3), undefined]) last().onmessage!({ data });
    expect(sink.calls).toEqual([]);
  });

  it('fault V1: makes a new connection when a picture is missed and the socket says nothing at all', () => {
    let now = 0;
    connection = new StreamConnection({
      connect: () => { sockets.push(new FakeSocket()); return last(); },
      setTimer: (run, ms) => timers.push({ run, ms }) - 1,
      clearTimer: (timer) => { timers[timer]!.run = () => {}; },
      now: () => now,
    });
    const sink = new RecordingSink();
    const subscription = connection.subscribe(options, sink);
    last().onopen!();
    now = deafAfterMs - 1;
    subscription.renew();
    expect(sockets).toHaveLength(1);
    last().onmessage!({ data: binary(subscription.id) });
    now += deafAfterMs - 1;
    subscription.renew();
    expect(sockets, 'other pictures came: only this one is asked for again').toHaveLength(1);
    now += 1;
    subscription.renew();
    expect(sockets).toHaveLength(2);
    expect(sockets[0]!.closed).toBe(true);
    expect(sink.calls).toContain('disconnected');
    last().onopen!();
    expect(last().sent.map((each) => [each.op, each.camera])).toEqual([['subscribe', 'cam01']]);
  });

  it('does not wait for a connection that is never made', () => {
    connection.subscribe(options, new RecordingSink());
    const open = timers.find(({ ms }) => ms === openWithinMs)!;
    open.run();
    expect(sockets[0]!.closed).toBe(true);
    expect(connection.state).toBe('waiting');
    timers[timers.length - 1]!.run();
    expect(sockets).toHaveLength(2);
  });
});
