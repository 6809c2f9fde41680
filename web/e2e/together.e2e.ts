// Several cameras at one moment, as an investigator uses it, against a real hub.
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newPage, startBrowser } from './browser';
import { adminPassword, camerasCsv, Hub, until } from './hub';

const cameraCount = 16;
/** 25 pictures a second; on a busy machine they reach the hub up to half an interval out of step. What is exact is measured in GroupTest. */
const frameMs = 60;
const startedAt = Date.now();
let hub: Hub;
let browser: Browser;
let page: Page;
let problems: string[];

const test = (name: string) => `[data-test="${name}"]`;
const tile = (id: string) => `${test('together-tile')}[data-camera="${id}"]`;
const camera = (number: number) => `cam${String(number).padStart(2, '0')}`;

/** Group times that the tiles show, ms; those without a picture are left out. */
async function shown(): Promise<Map<string, number>> {
  const all = await page.$$eval(test('together-tile'), (tiles) => tiles.map((each) => [
    each.getAttribute('data-camera') ?? '', Number(each.getAttribute('data-shown'))] as const));
  return new Map(all.filter(([, time]) => time > 0));
}
const spreadOf = (times: Map<string, number>) => Math.max(...times.values()) - Math.min(...times.values());

/** Standing still: all cameras show pictures within one frame interval. */
async function settled(what: string): Promise<Map<string, number>> {
  let times = new Map<string, number>();
  await until(`${what}: all within a frame`, async () => {
    times = await shown();
    return times.size === cameraCount && spreadOf(times) <= frameMs;
  });
  return times;
}

beforeAll(async () => {
  hub = await Hub.start(cameraCount, ['--main', new URL('../../tests/data/clips/main.h264', import.meta.url).pathname]);
  const api = await hub.api();
  expect((await api('POST', '/cameras/import', camerasCsv(cameraCount, hub.cameraPort), 'text/csv')).status).toBe(200);
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

describe('several cameras at one moment', () => {
  it('are chosen and play by one clock', async () => {
    const api = await hub.api();
    await until('some seconds of footage of all', async () => {
      const ids = Array.from({ length: cameraCount }, (_, index) => camera(index + 1)).join(',');
      const query = `cameras=${ids}&from=${new Date(startedAt).toISOString()}&to=${new Date().toISOString()}`;
      const { items } = (await (await api('GET', `/timeline?${query}`)).json()) as { items: { spans: { from: string; to: string }[] }[] };
      return items.length === cameraCount && items.every(({ spans }) => spans.some(({ from, to }) => Date.parse(to) - Date.parse(from) > 30_000));
    }, 120_000);
    await page.click(test('nav-together'));
    await page.click(test('choose'));
    for (let number = 1; number <= cameraCount; number += 1) await page.click(`${test('choice')}[data-camera="${camera(number)}"]`);
    await page.keyboard.press('Escape');
    expect(await page.locator(test('together-tile')).count()).toBe(cameraCount);
    await page.goto(`${hub.url}/together?${new URL(page.url()).searchParams.toString().replace(/&t=.*/, '')}&t=${new Date(Date.now() - 25_000).toISOString()}`);
    await until('all to play', async () => (await shown()).size === cameraCount);
  }, 180_000);

  it('stand still at one instant when paused', async () => {
    await page.click(test('play'));
    await page.waitForSelector(`${test('together')}[data-paused="true"]`);
    const times = await settled('paused');
    console.log(`paused: ${cameraCount} pictures within ${spreadOf(times)} ms`);
    await page.screenshot({ path: 'e2e/output/together-th.png' });
  });

  it('come to one instant by a seek, and go on frame by frame', async () => {
    const before = [...(await settled('before')).values()][0]!;
    await page.locator(test('timeline')).focus();
    await page.keyboard.press('ArrowLeft');
    await until('the seek', async () => [...(await shown()).values()].every((time) => time < before - 4_000));
    const sought = await settled('sought');
    await page.click(test('step'));
    // The first camera goes one on; another whose next picture is later than that keeps its own.
    await until('a step', async () => (await shown()).get('cam01')! > sought.get('cam01')!);
    const stepped = await settled('stepped on');
    await page.click(test('step-back'));
    await until('a step back', async () => (await shown()).get('cam01')! < stepped.get('cam01')!);
    const back = await settled('stepped back');
    console.log(`sought: ${spreadOf(sought)} ms, on: ${spreadOf(stepped)} ms, back: ${spreadOf(back)} ms`);
  });

  it('let one camera be corrected, and remember it', async () => {
    await page.fill(`${tile('cam03')} ${test('offset')}`, '-400');
    await page.press(`${tile('cam03')} ${test('offset')}`, 'Enter');
    await page.click(`${tile('cam03')} ${test('offset-earlier')}`);
    await page.waitForSelector(`${tile('cam03')}[data-offset="-440"]`);
    await settled('corrected');
    await page.click(`${tile('cam03')} ${test('offset-save')}`);
    await page.waitForSelector(`${tile('cam03')} ${test('offset-save')}`, { state: 'detached' });
    const api = await hub.api();
    expect(await (await api('GET', '/cameras/cam03')).json()).toMatchObject({ playback_offset_ms: -440 });
    await page.reload();
    await page.waitForSelector(`${tile('cam03')}[data-offset="-440"]`);
    await until('all to play again', async () => (await shown()).size === cameraCount);
    await page.click(test('play'));
    await settled('after a reload');
  });

  it('play on at other speeds', async () => {
    await page.selectOption(test('speed'), '4');
    await page.click(test('play'));
    await page.waitForSelector(`${test('together')}[data-paused="false"]`);
    const before = [...(await shown()).values()][0]!;
    await until('some seconds to pass', async () => [...(await shown()).values()].every((time) => time > before + 2_000));
    await page.selectOption(test('speed'), '-4');
    await until('to go back', async () => [...(await shown()).values()].every((time) => time < before + 1_500));
    await page.selectOption(test('speed'), '1');
    // On a slow machine they are at the very beginning by now, where one camera's footage starts later than another's.
    const turned = Math.max(...(await shown()).values());
    await until('to go on', async () => [...(await shown()).values()].every((time) => time > turned + 1_000));
    await page.click(test('play'));
    await settled('at the end');
  });

  it('is told in English, too, and had no error of its own', async () => {
    await page.click(test('account'));
    await page.click(test('language-en'));
    await page.click(test('account'));
    await page.waitForSelector(`${test('nav-together')}:has-text("Together")`);
    await page.screenshot({ path: 'e2e/output/together-en.png' });
    expect(problems).toEqual([]);
  });
});
