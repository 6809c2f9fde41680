// Every operation of docs/openapi.yaml is asked of a real hub; each answer must be one that the document knows:
// its status, its type, and its body to the last field.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { parse } from 'yaml';
import { adminPassword, camerasCsv, Hub, until } from './hub';

type Json = Record<string, unknown>;
interface Operation { operationId: string; responses: Record<string, Json> }

const text = readFileSync(fileURLToPath(new URL('../../docs/openapi.yaml', import.meta.url)), 'utf8');
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** What the document doesn't name, an answer may not hold. */
function strict(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strict);
  if (typeof value !== 'object' || value === null) return value;
  const out: Json = {};
  for (const [name, member] of Object.entries(value)) out[name] = name === 'examples' ? member : strict(member);
  if (out.type === 'object' && out.properties && out.additionalProperties === undefined) out.additionalProperties = false;
  return out;
}

const document = strict(parse(text)) as { paths: Record<string, Record<string, Operation>>; components: Json };
const ajv = new Ajv2020({ strict: false, allErrors: true, formats: { 'date-time': rfc3339, 'uri-reference': true } });
ajv.addSchema({ $id: 'api', components: document.components });

function compile(schema: unknown): ValidateFunction {
  return ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"api#/components/')) as Json);
}
const schemaOf = (name: string) => compile({ $ref: `#/components/schemas/${name}` });

function resolve(response: Json | undefined): Json | undefined {
  const name = typeof response?.$ref === 'string' ? response.$ref.split('/').pop() : undefined;
  return name ? ((document.components.responses as Json)[name] as Json) : response;
}

let hub: Hub;
let api: Awaited<ReturnType<Hub['api']>>;
const succeeded = new Set<string>();

/** Asks, and holds the answer against the document. `path` is the template, `target` what is asked (the same when absent). */
async function call(method: string, path: string, expected: number, target = path, body?: unknown, type?: string): Promise<unknown> {
  const operation = document.paths[path]?.[method.toLowerCase()];
  if (!operation) throw new Error(`${method} ${path} is not in the document`);
  const answer = await api(method, target, body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body), type);
  const bytes = Buffer.from(await answer.arrayBuffer());
  const where = `${method} ${target} → ${answer.status} ${bytes.subarray(0, 300).toString()}`;
  expect(answer.status, where).toBe(expected);
  const response = resolve(operation.responses[String(answer.status)]);
  expect(response, `${where}: this status is not in the document`).toBeDefined();
  if (answer.status < 300) succeeded.add(operation.operationId);
  const content = response?.content as Record<string, Json> | undefined;
  if (!content) {
    expect(bytes.length, where).toBe(0);
    return undefined;
  }
  const essence = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
  expect(Object.keys(content), where).toContain(essence);
  if (!essence.endsWith('json')) return bytes;
  const value: unknown = JSON.parse(bytes.toString());
  const validate = compile(content[essence]?.schema);
  expect(validate(value), `${where}\n${ajv.errorsText(validate.errors)}`).toBe(true);
  return value;
}

/** A connection; what it receives as text. */
async function listen(path: string): Promise<{ socket: WebSocket; texts: Json[]; binaries: Buffer[] }> {
  const login = await fetch(`${hub.url}/api/v1/session`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ username: 'admin', password: adminPassword }),
  });
  const cookie = (login.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  const socket = new WebSocket(`${hub.url.replace('http', 'ws')}/api/v1${path}`, { headers: { Cookie: cookie } });
  const [texts, binaries]: [Json[], Buffer[]] = [[], []];
  socket.on('message', (data: Buffer, binary) => {
    if (binary) binaries.push(data);
    else texts.push(JSON.parse(data.toString()) as Json);
  });
  await new Promise((opened, failed) => { socket.once('open', opened); socket.once('error', failed); });
  return { socket, texts, binaries };
}

function expectAll(texts: Json[], name: string): void {
  const validate = schemaOf(name);
  for (const value of texts) {
    expect(validate(value), `${JSON.stringify(value)}\n${ajv.errorsText(validate.errors)}`).toBe(true);
  }
}

const since = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();

beforeAll(async () => {
  hub = await Hub.start(2);
  api = await hub.api();
  await call('POST', '/cameras/import', 200, '/cameras/import', camerasCsv(2, hub.cameraPort), 'text/csv');
  await until('footage', async () => {
    const answer = (await (await api('GET', `/timeline?cameras=cam01&from=${since(60)}&to=${since(0)}`)).json()) as
      { items: { spans: unknown[] }[] };
    return (answer.items[0]?.spans.length ?? 0) > 0;
  }, 60_000);
});

afterAll(async () => {
  await hub?.stop();
});

describe('answers of the hub', () => {
  it('are as described for cameras', async () => {
    await call('POST', '/cameras/import', 200, '/cameras/import?dry_run=true', 'id,name_th,name_en,lat,lon,main_url\nx,ก,x,98,18,http://x/\n', 'text/csv');
    await call('POST', '/cameras/import', 422, '/cameras/import', 'nonsense', 'text/csv');
    await call('GET', '/cameras', 200, '/cameras?limit=1');
    await call('GET', '/cameras', 422, '/cameras?limit=0');
    const camera = { id: 'extra', name: { th: 'เพิ่ม', en: 'Extra' }, enabled: false, streams: [{ role: 'main', url: 'rtsp://u:p@192.0.2.1/x' }] };
    await call('POST', '/cameras', 201, '/cameras', camera);
    await call('POST', '/cameras', 409, '/cameras', camera);
    await call('POST', '/cameras', 422, '/cameras', { ...camera, colour: 'red' });
    await call('POST', '/cameras', 400, '/cameras', '{');
    await call('GET', '/cameras/{id}', 200, '/cameras/extra');
    await call('PATCH', '/cameras/{id}', 200, '/cameras/extra', { location: { lat: 18.8, lon: 98.98 }, zone: null });
    await call('PATCH', '/cameras/{id}', 422, '/cameras/extra', { location: { lat: 'x' } });
    await call('GET', '/cameras/{id}/status', 200, '/cameras/extra/status');
    await call('DELETE', '/cameras/{id}', 204, '/cameras/extra');
    await call('GET', '/cameras/{id}', 404, '/cameras/extra');
    await call('PATCH', '/cameras/{id}', 404, '/cameras/extra', {});
    await call('POST', '/cameras/probe', 200, '/cameras/probe', { url: `rtsp://127.0.0.1:${hub.cameraPort}/cam01/main` });
    await call('POST', '/cameras/probe', 200, '/cameras/probe', { url: 'rtsp://127.0.0.1:1/x' });
    await call('POST', '/cameras/probe', 422, '/cameras/probe', { url: 'file:///etc/passwd' });
  });

  it('are as described for status and geography', async () => {
    await call('GET', '/status', 200);
    await call('GET', '/cameras/{id}/status', 200, '/cameras/cam01/status');
    await call('GET', '/cameras/{id}/status', 404, '/cameras/none/status');
    await call('GET', '/cameras/{id}/clock', 200, '/cameras/cam01/clock');
    await call('GET', '/cameras/{id}/clock', 422, `/cameras/cam01/clock?from=${since(0)}&to=${since(600)}`);
    await call('GET', '/cameras/{id}/clock', 404, '/cameras/none/clock');
    for (const path of ['/zones', '/communities', '/places', '/map/base.geojson', '/map/config', '/openapi.yaml']) await call('GET', path, 200);
  });

  it('are as described for footage', async () => {
    await call('GET', '/timeline', 200, `/timeline?cameras=cam01,cam02&from=${since(600)}&to=${since(0)}&buckets=10`);
    await call('GET', '/timeline', 422, '/timeline?cameras=cam01');
    await call('GET', '/timeline', 404, `/timeline?cameras=none&from=${since(600)}&to=${since(0)}`);
    const accounts = (await call('GET', '/recording/account', 200, `/recording/account?cameras=cam01,cam02&from=${since(600)}&to=${since(0)}`)) as
      { items: { due_s: number; footage_s: number; gaps_s: Record<string, number>; unexplained_s: number }[] };
    for (const account of accounts.items) {
      const gaps = Object.values(account.gaps_s).reduce((sum, length) => sum + length, 0);
      expect(account.unexplained_s).toBe(0);
      expect(account.footage_s + gaps).toBeCloseTo(account.due_s, 5);
    }
    await call('GET', '/recording/account', 422, '/recording/account?cameras=cam01');
    await call('GET', '/recording/account', 404, `/recording/account?cameras=none&from=${since(600)}&to=${since(0)}`);
    await call('GET', '/cameras/{id}/snapshot.jpg', 200, '/cameras/cam01/snapshot.jpg?width=320');
    await call('GET', '/cameras/{id}/snapshot.jpg', 404, `/cameras/cam01/snapshot.jpg?at=2020-01-01T00:00:00Z`);
    await call('GET', '/cameras/{id}/recording.mp4', 200, `/cameras/cam01/recording.mp4?from=${since(600)}&to=${since(0)}`);
    await call('GET', '/cameras/{id}/recording.mp4', 404, '/cameras/cam01/recording.mp4?from=2020-01-01T00:00:00Z&to=2020-01-01T01:00:00Z');
    await call('GET', '/cameras/{id}/recording.mp4', 422, '/cameras/cam01/recording.mp4?from=x');
    const line = (await call('GET', '/timeline', 200, `/timeline?cameras=cam01&from=${since(600)}&to=${since(0)}`)) as
      { items: { spans: { from: string }[] }[] };
    const recorded = line.items[0]?.spans[0]?.from ?? '';
    await call('GET', '/cameras/{id}/thumbnail.jpg', 200, `/cameras/cam01/thumbnail.jpg?at=${recorded}&width=160`);
    await call('GET', '/cameras/{id}/thumbnail.jpg', 404, '/cameras/cam01/thumbnail.jpg?at=2020-01-01T00:00:00Z&width=160');
    await call('GET', '/footage/motion', 200, `/footage/motion?camera=cam01&from=${since(600)}&to=${since(0)}&area=0.5,0,0.5,0.5`);
    await call('GET', '/footage/motion', 422, '/footage/motion?camera=cam01');
    const wish = { camera: 'cam01', from: since(600), to: since(300), reason: 'คดี 12/2569' };
    const hold = (await call('POST', '/holds', 201, '/holds', wish)) as { id: string };
    await call('POST', '/holds', 422, '/holds', { ...wish, to: since(900) });
    await call('GET', '/holds', 200, '/holds?camera=cam01');
    await call('DELETE', '/holds/{id}', 200, `/holds/${hold.id}`);
    await call('DELETE', '/holds/{id}', 409, `/holds/${hold.id}`);
    await call('DELETE', '/holds/{id}', 404, '/holds/999999');
    await call('GET', '/archive/damage', 200);
    await call('GET', '/archive/forecast', 200);
    const playlist = String(await call('GET', '/cameras/{id}/playback.m3u8', 200, `/cameras/cam01/playback.m3u8?from=${since(600)}&to=${since(0)}`));
    for (const name of [/URI="([^"]+)"/, /^(playback\/.+)$/m]) {
      await call('GET', '/cameras/{id}/playback/{stream}/{file}', 200, `/cameras/cam01/${name.exec(playlist)?.[1] ?? 'none'}`);
    }
    await call('GET', '/cameras/{id}/playback/{stream}/{file}', 404, '/cameras/cam01/playback/main/1-1.m4s?f=1&t=2&o=1');
    await call('GET', '/cameras/{id}/playback.m3u8', 422, '/cameras/cam01/playback.m3u8?from=x');
    const live = String(await call('GET', '/cameras/{id}/live.m3u8', 200, '/cameras/cam01/live.m3u8'));
    for (const name of [/MAP:URI="([^"]+)"/, /^(live\/.+)$/m]) {
      await call('GET', '/cameras/{id}/live/{stream}/{file}', 200, `/cameras/cam01/${name.exec(live)?.[1] ?? 'none'}`);
    }
    await call('GET', '/cameras/{id}/live/{stream}/{file}', 404, '/cameras/cam01/live/main/1.m4s');
    await call('GET', '/cameras/{id}/live.m3u8', 404, '/cameras/none/live.m3u8');
    await call('POST', '/tokens', 201, '/tokens', { camera: 'cam01', from: since(600), to: since(0), ttl_s: 60 });
    await call('POST', '/tokens', 404, '/tokens', { camera: 'none' });
    await call('POST', '/tokens', 422, '/tokens', { camera: 'cam01', ttl_s: 1 });
    await call('GET', '/stream', 426);
    await call('GET', '/events', 426);
  });

  it('are as described for administration', async () => {
    await call('GET', '/users', 200);
    const user = { username: 'somchai', name: 'สมชาย', role: 'viewer', password: 'a long password' };
    const made = (await call('POST', '/users', 201, '/users', user)) as { id: string };
    await call('POST', '/users', 409, '/users', user);
    await call('POST', '/users', 422, '/users', { ...user, username: 'X Y', role: 'king' });
    await call('PATCH', '/users/{id}', 200, `/users/${made.id}`, { role: 'operator' });
    await call('PATCH', '/users/{id}', 404, '/users/00000000-0000-0000-0000-000000000000', { role: 'operator' });
    await call('GET', '/roles', 200);
    const key = (await call('POST', '/keys', 201, '/keys', { name: 'player', rights: ['live.view'] })) as { key: { id: string } };
    await call('POST', '/keys', 422, '/keys', { name: '', rights: ['all'] });
    await call('GET', '/keys', 200);
    await call('DELETE', '/keys/{id}', 204, `/keys/${key.key.id}`);
    await call('DELETE', '/keys/{id}', 404, '/keys/nothing');
    await call('GET', '/audit', 200, '/audit?limit=5');
    await call('GET', '/audit', 422, '/audit?cursor=x');
  });

  it('are as described on the WebSockets', async () => {
    const events = await listen('/events');
    await until('the snapshot', async () => events.texts.length > 0);
    await call('PATCH', '/cameras/{id}', 200, '/cameras/cam02', { notes: 'seen' });
    await until('the change', async () => events.texts.some((value) => value.type === 'camera.changed'));
    events.socket.close();
    expectAll(events.texts, 'Event');
    expect(events.texts[0]?.type).toBe('snapshot');

    const stream = await listen('/stream');
    const commands: Json[] = [
      { op: 'subscribe', id: 1, camera: 'cam01', stream: 'sub', position: 'live' },
      { op: 'subscribe', id: 2, camera: 'cam01', position: since(5), format: 'fmp4' },
      { op: 'subscribe', id: 3, camera: 'none' },
    ];
    expectAll(commands, 'StreamCommand');
    for (const command of commands) stream.socket.send(JSON.stringify(command));
    const heard = (id: number, op: string) => stream.texts.some((value) => value.id === id && value.op === op);
    await until('answers', async () => heard(1, 'subscribed') && heard(2, 'subscribed') && heard(3, 'error'));
    const ids = () => new Set(stream.binaries.map((message) => message.readUInt16BE(2)));
    await until('pictures of both', async () => ids().has(1) && ids().has(2));
    stream.socket.send(JSON.stringify({ op: 'pause', id: 2 }));
    await until('the pause', async () => stream.texts.some((value) => value.id === 2 && value.state === 'paused'));
    stream.socket.close();
    expectAll(stream.texts, 'StreamMessage');
    for (const message of stream.binaries) expect(message[0], 'version').toBe(1);
  });

  it('are as described for the session, last of all', async () => {
    await call('GET', '/session', 200);
    await call('POST', '/session', 401, '/session', { username: 'nobody', password: 'nothing at all' });
    await call('POST', '/session', 422, '/session', { username: 'admin' });
    await call('POST', '/session/password', 422, '/session/password', { current: 'wrong', new: 'another password' });
    await call('POST', '/session/password', 204, '/session/password', { current: adminPassword, new: 'another password' });
    await call('DELETE', '/session', 204);
    await call('POST', '/session', 200, '/session', { username: 'admin', password: 'another password' });
  });

  it('to strangers are as described', async () => {
    const mine = api;
    api = (method, path, body, type = 'application/json') =>
      fetch(`${hub.url}/api/v1${path}`, { method, body, headers: body ? { 'Content-Type': type } : {} });
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const method of methods.filter((name) => operations[name])) {
        if ((operations[method] as unknown as Json)['x-right'] === 'public') continue;
        await call(method.toUpperCase(), path, 401, path.replace('{id}', 'cam01'));
      }
    }
    api = mine;
  });

  it('were asked for all of the document', () => {
    // WebSockets, and what webrtc.e2e.ts asks.
    const sockets = new Set(['openStream', 'openEvents', 'pushByWhip', 'endWhip', 'watchByWhep', 'endWhep']);
    const all = Object.values(document.paths).flatMap((operations) =>
      methods.filter((name) => operations[name]).map((name) => operations[name]!.operationId));
    expect(all.filter((name) => !succeeded.has(name) && !sockets.has(name))).toEqual([]);
  });
});
