// Pictures that must be made: H.265 for a browser that cannot decode it, thumbnails, and cameras that show nothing.
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newPage, pixels, startBrowser } from './browser';
import { adminPassword, camerasCsv, Hub, until } from './hub';

const clips = fileURLToPath(new URL('../../tests/data/clips/', import.meta.url));
const startedAt = Date.now();
let hub: Hub;
let browser: Browser;
let page: Page;
let problems: string[];

const test = (name: string) => `[data-test="${name}"]`;
const tile = (id: string) => `[data-test="tile"][data-camera="${id}"]`;

async function moves(canvas: string, deadlineMs = 60_000): Promise<void> {
  const first = await until(`a picture in ${canvas}`, () => pixels(page, canvas), deadlineMs);
  await until(`${canvas} to move`, async () => (await pixels(page, canvas)) !== first, deadlineMs);
}

beforeAll(async () => {
  // H.265 in the large stream, H.264 in the small one; the second camera turns black.
  hub = await Hub.start(2, ['--main', `${clips}pattern.h265`, '--sub', `${clips}main.h264`, '--fault', 'cam02:black@40s'],
    { CCOC_VISION__LOOK_INTERVAL_S: '2', CCOC_VISION__TRANSCODINGS: '1' });
  const api = await hub.api();
  const answer = await api('POST', '/cameras/import', camerasCsv(2, hub.cameraPort), 'text/csv');
  expect(answer.status, await answer.clone().text()).toBe(200);
  browser = await startBrowser();
  ({ page, problems } = await newPage(browser));
  await page.goto(hub.url);
  await page.fill('[name=username]', 'admin');
  await page.fill('[name=password]', adminPassword);
  await page.click('button[type=submit]');
  await page.waitForSelector('nav');
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

describe('pictures that are made', () => {
  it('shows H.265 to a browser that cannot decode it, and says that it is converted', async () => {
    await page.goto(`${hub.url}/camera/cam01`);
    await moves(`${test('stage')} canvas`);
    await page.waitForSelector(`${test('stage')}[data-state="live"]`);
    await page.waitForSelector(test('transcoded'));
    await page.screenshot({ path: 'e2e/output/transcoded-th.png' });
  });

  it('shows what happened under the pointer on the time line, and side by side', async () => {
    await until('half a minute of footage', async () => {
      const api = await hub.api();
      const query = `cameras=cam01&from=${new Date(startedAt).toISOString()}&to=${new Date().toISOString()}`;
      const { items } = (await (await api('GET', `/timeline?${query}`)).json()) as { items: { spans: { from: string; to: string }[] }[] };
      return items[0]?.spans.some((span) => Date.parse(span.to) - Date.parse(span.from) > 30_000);
    }, 90_000);
    for (let i = 0; i < 12; i += 1) await page.keyboard.press('+');
    await until('the time line to show it', async () => Number(await page.getAttribute(test('timeline'), 'data-spans')) > 0);
    const box = await page.locator(test('timeline')).boundingBox();
    if (!box) throw new Error('no time line');
    await until('a thumbnail', async () => {
      for (const share of [0.5, 0.6, 0.7]) {
        await page.mouse.move(box.x + box.width * share, box.y + box.height / 2);
        const state = await page.waitForSelector(`${test('timeline-tip')} ${test('thumbnail')}[data-state="ready"]`, { timeout: 2_000 }).catch(() => null);
        if (state) return true;
      }
      return false;
    });
    await page.screenshot({ path: 'e2e/output/thumbnail-th.png' });

    await page.locator(test('timeline')).focus();
    for (let i = 0; i < 3; i += 1) await page.keyboard.press('ArrowLeft');
    await page.waitForSelector(`${test('filmstrip')} ${test('thumbnail')}[data-state="ready"]`);
    await page.waitForSelector(`${test('stage')}[data-state="playing"]`);
    await moves(`${test('stage')} canvas`);
    await page.screenshot({ path: 'e2e/output/filmstrip-th.png' });
    await page.click(test('strip'));
    expect(await page.locator(test('filmstrip')).count()).toBe(0);
    await page.click(test('strip'));
    await page.mouse.move(box.x + 3, box.y + box.height / 2);
    await page.screenshot({ path: 'e2e/output/gap-th.png' });
  });

  it('says on the wall and beside the picture that a camera shows nothing', async () => {
    await page.goto(hub.url);
    await page.waitForSelector(`${tile('cam02')} ${test('trouble')}[data-picture="black"]`, { timeout: 120_000 });
    await page.screenshot({ path: 'e2e/output/black-wall-th.png' });
    await page.goto(`${hub.url}/camera/cam02`);
    await page.waitForSelector(`${test('look')}[data-picture="black"]`);
    await page.click(test('account'));
    await page.click(test('language-en'));
    await page.keyboard.press('Escape');
    await page.screenshot({ path: 'e2e/output/black-en.png' });
    await page.goto(`${hub.url}/camera/cam01`);
    await moves(`${test('stage')} canvas`);
    await page.locator(test('timeline')).focus();
    for (let i = 0; i < 4; i += 1) await page.keyboard.press('ArrowLeft');
    await page.waitForSelector(`${test('filmstrip')} ${test('thumbnail')}[data-state="ready"]`);
    await page.screenshot({ path: 'e2e/output/filmstrip-en.png' });
  });

  it('had no error of its own in all that', () => {
    expect(problems).toEqual([]);
  });
});
