// HLS in a browser with hls.js, which this project did not write: live with low latency, and a recorded range.
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBrowser } from './browser';
import { camerasCsv, Hub, until } from './hub';

let hub: Hub;
let browser: Browser;
let page: Page;
let api: Awaited<ReturnType<Hub['api']>>;

interface Seen { time: number; width: number; latency: number; errors: string[] }
const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();

async function token(range: object): Promise<string> {
  const answer = await api('POST', '/tokens', JSON.stringify({ camera: 'cam01', ...range }));
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { token: string }).token;
}

/** Plays an address in a fresh video element until it has gone on for two seconds. */
async function play(address: string): Promise<Seen> {
  await page.evaluate((source) => {
    document.body.innerHTML = '<video muted></video>';
    const video = document.querySelector('video')!;
    const world = window as never as { Hls: new (options: object) => never; seen: () => Seen };
    const hls = new world.Hls({ lowLatencyMode: true }) as { latency: number; loadSource(u: string): void; attachMedia(v: Element): void; on(e: string, f: (e: string, d: { fatal: boolean; details: string }) => void): void };
    const errors: string[] = [];
    hls.on('hlsError', (_, data) => { if (data.fatal) errors.push(data.details); });
    hls.loadSource(source);
    hls.attachMedia(video);
    const first = { at: -1 };
    world.seen = () => {
      if (first.at < 0 && video.readyState >= 2) { first.at = video.currentTime; void video.play(); }
      return { time: first.at < 0 ? 0 : video.currentTime - first.at, width: video.videoWidth, latency: hls.latency, errors };
    };
  }, address);
  const look = () => page.evaluate(() => (window as never as { seen: () => Seen }).seen());
  await until(`${address} to play`, async () => {
    const now = await look();
    if (now.errors.length > 0) throw new Error(now.errors.join());
    return now.time > 2;
  }, 45_000);
  return look();
}

beforeAll(async () => {
  hub = await Hub.start(1);
  api = await hub.api();
  expect((await api('POST', '/cameras/import', camerasCsv(1, hub.cameraPort), 'text/csv')).status).toBe(200);
  browser = await startBrowser();
  // The console's own pages allow no scripts but theirs; this one is not the console.
  page = await (await browser.newContext({ bypassCSP: true })).newPage();
  await page.goto(`${hub.url}/healthz`);
  await page.addScriptTag({ path: createRequire(import.meta.url).resolve('hls.js/dist/hls.min.js') });
});

afterAll(async () => {
  await browser?.close();
  await hub?.stop();
});

describe('hls.js', () => {
  it('plays live with low latency', async () => {
    await until('pictures', async () => (await api('GET', '/cameras/cam01/snapshot.jpg')).status === 200);
    const seen = await play(`${hub.url}/api/v1/cameras/cam01/live.m3u8?token=${await token({})}`);
    expect(seen.width).toBeGreaterThan(0);
    expect(seen.errors).toEqual([]);
    console.info(`live: ${seen.latency.toFixed(1)} s behind`);
  });

  it('plays a recorded range', async () => {
    const [from, to] = [ago(600), ago(-120)];
    const given = await token({ from, to });
    const address = `${hub.url}/api/v1/cameras/cam01/playback.m3u8?from=${from}&to=${to}&token=${given}`;
    await until('some footage', async () => ((await (await fetch(address)).text()).match(/#EXTINF/g) ?? []).length >= 3);
    const seen = await play(address);
    expect(seen.width).toBeGreaterThan(0);
    expect(seen.errors).toEqual([]);
  });
});
