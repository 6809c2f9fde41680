// What goes wrong between the hub and the page, and what the page says of it (docs/faults.md, V1 and V2).
import { fileURLToPath } from 'node:url';
import type { Browser, Page, WebSocketRoute } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newPage, pixels, startBrowser } from './browser';
import { adminPassword, camerasCsv, Hub, until } from './hub';

const startedAt = Date.now();
let hub: Hub;
let browser: Browser;
let page: Page;
let problems: string[];

const test = (name: string) => `[data-test="${name}"]`;
const tile = (id: string) => `[data-test="tile"][data-camera="${id}"]`;

/** Stands between the page and the hub's /stream, and lets through what it is told to. */
class Wire {
  sockets = 0;
  /** Of what the hub says nothing reaches the page; the sockets stay open. */
  cut = false;
  /** Nor does any picture of this camera. */
  without = '';
  private readonly cameras_ = new Map<string, string>();

  async lay(on: Page): Promise<void> {
    await on.routeWebSocket(/\/api\/v1\/stream$/, (socket) => this.join(socket));
  }
  private join(socket: WebSocketRoute): void {
    const number = (this.sockets += 1);
    const hubSide = socket.connectToServer();
    socket.onMessage((message) => {
      const said = JSON.parse(String(message)) as { op: string; id: number; camera?: string };
      if (said.op === 'subscribe') this.cameras_.set(`${number} ${said.id}`, said.camera ?? '');
      hubSide.send(message);
    });
    hubSide.onMessage((message) => {
      if (this.cut) return;
      const camera = typeof message === 'string' ? '' : this.cameras_.get(`${number} ${message.readUInt16BE(2)}`);
      if (this.without === '' || camera !== this.without) socket.send(message);
    });
  }
}
const wire = new Wire();

/** The browser's own remark about pages by plain HTTP is what these are about. */
const ownOf = (all: string[]) => all.filter((each) => !each.includes('Cross-Origin-Opener-Policy'));

async function moves(on: Page, canvas: string, deadlineMs = 30_000): Promise<void> {
  const first = await until(`a picture in ${canvas}`, () => pixels(on, canvas), deadlineMs);
  await until(`${canvas} to move`, async () => (await pixels(on, canvas)) !== first, deadlineMs);
}
async function logIn(on: Page, url: string): Promise<void> {
  await on.goto(url);
  await on.fill('[name=username]', 'admin');
  await on.fill('[name=password]', adminPassword);
  await on.click('button[type=submit]');
  await on.waitForSelector('nav');
}
async function speak(on: Page, language: 'th' | 'en'): Promise<void> {
  await on.click(test('account'));
  await on.click(test(`language-${language}`));
  await on.click(test('account'));
}

beforeAll(async () => {
  // Small pictures: it is not the decoding that is looked at.
  const clip = fileURLToPath(new URL('../../tests/data/clips/main.h264', import.meta.url));
  hub = await Hub.start(2, ['--main', clip, '--sub', clip]);
  const api = await hub.api();
  expect((await api('POST', '/cameras/import', camerasCsv(2, hub.cameraPort), 'text/csv')).status).toBe(200);
  // By this name the hub is another computer, so the page is no secure context.
  browser = await startBrowser(['--host-resolver-rules=MAP hub.test 127.0.0.1']);
  ({ page, problems } = await newPage(browser));
  await wire.lay(page);
  await logIn(page, hub.url);
});

afterEach(async (context) => {
  if (context.task.result?.state !== 'fail') return;
  console.error(hub?.said());
  await page?.screenshot({ path: `e2e/output/${context.task.name.replace(/\W+/g, '-')}.png` });
});

afterAll(async () => {
  await browser?.close();
  await hub?.stop();
});

describe('fault V1: live that freezes', () => {
  it('is told of one picture while the others go on, and ends when pictures come again', async () => {
    await page.click(test('size-4'));
    await page.waitForSelector(`${tile('cam01')}[data-state="live"]`);
    await page.waitForSelector(`${tile('cam02')}[data-state="live"]`);
    wire.without = 'cam01';
    await page.waitForSelector(`${tile('cam01')}[data-state="frozen"]`, { timeout: 10_000 });
    expect(await page.textContent(tile('cam01'))).toContain('ภาพค้าง');
    await page.screenshot({ path: 'e2e/output/frozen-th.png' });
    expect(await page.getAttribute(tile('cam02'), 'data-state')).toBe('live');
    wire.without = '';
    await page.waitForSelector(`${tile('cam01')}[data-state="live"]`);
    await moves(page, `${tile('cam01')} canvas`);
    expect(wire.sockets, 'the connection was well').toBe(1);
  });

  it('is told when the whole connection is dead though it looks open, and another is made', async () => {
    wire.cut = true;
    await page.waitForSelector(`${tile('cam01')}[data-state="disconnected"]`, { timeout: 10_000 });
    await page.waitForSelector(`${tile('cam02')}[data-state="disconnected"]`, { timeout: 10_000 });
    expect(wire.sockets).toBeGreaterThan(1);
    wire.cut = false;
    await page.waitForSelector(`${tile('cam01')}[data-state="live"]`);
    await page.waitForSelector(`${tile('cam02')}[data-state="live"]`);
    await moves(page, `${tile('cam02')} canvas`);
  });
});

describe('fault V1: no WebCodecs, because the page came by plain HTTP', () => {
  const byName = () => hub.url.replace('127.0.0.1', 'hub.test');

  it('is said, and pictures come by MSE', async () => {
    const plain = await newPage(browser);
    await logIn(plain.page, byName());
    expect(await plain.page.evaluate(() => [isSecureContext, 'VideoDecoder' in window])).toEqual([false, false]);
    await plain.page.waitForSelector(`${test('player-notice')}[data-renderer="mse"]`);
    await plain.page.click(test('size-4'));
    await plain.page.waitForSelector(`${tile('cam01')}[data-state="live"]`);
    const time = () => plain.page.evaluate((at) => document.querySelector<HTMLVideoElement>(at)?.currentTime ?? 0, `${tile('cam01')} video`);
    const first = await time();
    await until('the video to play', async () => (await time()) > first + 1);
    await plain.page.screenshot({ path: 'e2e/output/plain-http-th.png' });
    await speak(plain.page, 'en');
    await plain.page.waitForSelector(`${test('player-notice')}:has-text("plain HTTP")`);
    await plain.page.screenshot({ path: 'e2e/output/plain-http-en.png' });
    expect(ownOf(plain.problems)).toEqual([]);
    await plain.page.context().close();
  });

  it('falls back to single pictures where there is no MSE, either', async () => {
    const bare = await newPage(browser);
    await bare.page.addInitScript(() => {
      Reflect.deleteProperty(window, 'MediaSource');
      Reflect.deleteProperty(window, 'ManagedMediaSource');
    });
    await logIn(bare.page, byName());
    await bare.page.waitForSelector(`${test('player-notice')}[data-renderer="snapshots"]`);
    await bare.page.click(test('size-4'));
    await bare.page.waitForSelector(`${tile('cam01')}[data-state="live"]`);
    await moves(bare.page, `${tile('cam01')} canvas`);
    expect(ownOf(bare.problems)).toEqual([]);
    await bare.page.context().close();
  });
});

describe('a sub stream that gives no picture', () => {
  it('is stood in for by the main stream, and that is said', async () => {
    const api = await hub.api();
    const id = 'nosub';
    const url = `rtsp://127.0.0.1:${hub.cameraPort}/cam01`;
    const camera = { id, name: { th: 'กล้องสตรีมย่อยเสีย', en: 'Broken sub stream' }, location: { lat: 18.8, lon: 98.98 },
      streams: [{ role: 'main', url: `${url}/main` }, { role: 'sub', url: `${url}/nothing-here` }] };
    const made = await api('POST', '/cameras', JSON.stringify(camera));
    expect(made.status, await made.clone().text()).toBe(201);
    await page.goto(hub.url);
    await page.click(test('size-9'));
    await page.waitForSelector(`${tile(id)} ${test('stand-in')}`, { timeout: 60_000 });
    await moves(page, `${tile(id)} canvas`);
    expect((await api('DELETE', `/cameras/${id}`)).status).toBe(204);
  });
});

describe('fault V2: a range with half or none of its footage', () => {
  it('is told before the download', async () => {
    await until('half a minute of footage', async () => Date.now() - startedAt > 45_000, 60_000);
    // No picture comes, so that the playhead stays where it is put.
    wire.cut = true;
    await page.goto(`${hub.url}/camera/cam01?t=${new Date(startedAt - 90_000).toISOString()}`);
    await page.waitForSelector(test('timeline'));
    await page.keyboard.press('i');
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('o');
    await page.waitForSelector(`${test('coverage')}[data-kind="empty"]`);
    expect(await page.locator(test('download')).count(), 'nothing to take along').toBe(0);
    await page.screenshot({ path: 'e2e/output/coverage-empty-th.png' });
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('o');
    await page.waitForSelector(`${test('coverage')}[data-kind="part"]:has-text("ขาด")`);
    await page.waitForSelector(test('download'));
    await page.screenshot({ path: 'e2e/output/coverage-part-th.png' });
    await speak(page, 'en');
    await page.waitForSelector(`${test('coverage')}:has-text("missing")`);
    await page.screenshot({ path: 'e2e/output/coverage-part-en.png' });
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('i');
    await page.waitForSelector(`${test('coverage')}[data-kind="whole"]`);
    wire.cut = false;
  });

  it('had no error of its own in all that', () => {
    expect(problems).toEqual([]);
  });
});
