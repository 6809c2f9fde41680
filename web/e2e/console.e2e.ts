// The console as a person uses it, against a real hub with six cameras.
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newPage, pixels, startBrowser } from './browser';
import { adminPassword, camerasCsv, Hub, until } from './hub';

const cameraCount = 6;
const startedAt = Date.now();
let hub: Hub;
let browser: Browser;
let page: Page;
let problems: string[];

const test = (name: string) => `[data-test="${name}"]`;
const tile = (id: string) => `[data-test="tile"][data-camera="${id}"]`;

async function moves(canvas: string, deadlineMs = 30_000): Promise<void> {
  const first = await until(`a picture in ${canvas}`, () => pixels(page, canvas), deadlineMs);
  await until(`${canvas} to move`, async () => (await pixels(page, canvas)) !== first, deadlineMs);
}

beforeAll(async () => {
  hub = await Hub.start(cameraCount);
  const api = await hub.api();
  const answer = await api('POST', '/cameras/import', camerasCsv(cameraCount, hub.cameraPort), 'text/csv');
  expect(answer.status, await answer.clone().text()).toBe(200);
  expect(await answer.json()).toMatchObject({ dry_run: false, created: cameraCount, rejected: 0 });
  browser = await startBrowser();
  ({ page, problems } = await newPage(browser));
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

describe('the console', () => {
  it('refuses a wrong password and takes the right one', async () => {
    await page.goto(hub.url);
    await page.fill('[name=username]', 'admin');
    await page.fill('[name=password]', 'not the password');
    await page.click('button[type=submit]');
    await page.waitForSelector(test('login-error'));
    expect(await page.textContent(test('login-error'))).toContain('ไม่ถูกต้อง');

    // The hub answers a wrong password with a short wait; a person tries again.
    await until('the right password to be taken', async () => {
      await page.fill('[name=password]', adminPassword);
      await page.click('button[type=submit]');
      return page.waitForSelector('nav', { timeout: 3_000 }).catch(() => null);
    });
  });

  it('shows every camera moving on the wall', async () => {
    await page.click(test('size-9'));
    await page.waitForSelector(tile('cam01'));
    expect(await page.locator(test('tile')).count()).toBe(cameraCount);
    for (let number = 1; number <= cameraCount; number += 1) await moves(`${tile(`cam0${number}`)} canvas`);
    await page.waitForSelector(`${tile('cam01')}[data-state="live"]`);
  });

  it('is moved through by keyboard and opens a camera with Enter', async () => {
    await page.click(tile('cam01'));
    await page.keyboard.press('ArrowRight');
    expect(await page.getAttribute(tile('cam02'), 'aria-selected')).toBe('true');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/camera/cam02');
    await moves(`${test('stage')} canvas`);
    await page.waitForSelector(`${test('stage')}[data-state="live"]`);
  });

  it('lets the camera be heard, live and recorded, when asked', async () => {
    await page.waitForSelector(test('sound'));
    expect(await page.getAttribute(test('sound'), 'data-heard')).toBe('false');
    await page.click(test('sound'));
    await until('sound to reach the loudspeaker', async () => (await page.getAttribute(test('sound'), 'data-heard')) === 'true');
    await page.click(test('sound'));
    await until('silence', async () => (await page.getAttribute(test('sound'), 'data-heard')) === 'false');
  });

  it('plays what was recorded and goes back to live', async () => {
    // The picture of a moment that is on the disk: some seconds after the first one was recorded.
    await until('some seconds of footage', async () => {
      const api = await hub.api();
      const query = `cameras=cam02&from=${new Date(startedAt).toISOString()}&to=${new Date().toISOString()}`;
      const { items } = (await (await api('GET', `/timeline?${query}`)).json()) as { items: { spans: { from: string; to: string }[] }[] };
      return items[0]?.spans.some((span) => Date.parse(span.to) - Date.parse(span.from) > 15_000);
    }, 60_000);
    await until('the time line to show it', async () => Number(await page.getAttribute(test('timeline'), 'data-spans')) > 0);
    await page.locator(test('timeline')).focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await page.waitForSelector(`${test('stage')}[data-state="playing"]`);
    await moves(`${test('stage')} canvas`);
    await page.click(test('sound'));
    await until('recorded sound to be heard', async () => (await page.getAttribute(test('sound'), 'data-heard')) === 'true');
    await page.click(test('sound'));
    await until('the clock to show the past', async () => {
      const shown = Number(await page.getAttribute(test('timeline'), 'aria-valuenow'));
      return Date.now() / 1000 - shown > 5;
    });

    await page.click(test('play'));
    await page.waitForSelector(`${test('stage')}[data-state="paused"]`);
    await page.click(test('live'));
    await page.waitForSelector(`${test('stage')}[data-state="live"]`);
    expect(await page.getAttribute(test('live'), 'aria-pressed')).toBe('true');
  });

  it('shows the cameras on the map', async () => {
    await page.click(test('nav-map'));
    await page.waitForSelector(`${test('map')}[data-ready="true"]`, { timeout: 60_000 });
    await page.goto(`${hub.url}/map?camera=cam03`);
    await page.waitForSelector(`${test('map-card')} ${tile('cam03')}`);
    await moves(`${test('map-card')} canvas`);
    await page.click(test('map-open'));
    await page.waitForURL('**/camera/cam03');
  });

  it('adds a camera, says what is wrong with it first, changes and deletes it', async () => {
    await page.click(test('nav-cameras'));
    await page.click(test('add'));
    await page.fill(test('id'), 'cam 07');
    await page.click(test('save'));
    await page.waitForSelector('dialog [aria-invalid="true"]');
    await page.fill(test('id'), 'cam07');
    await page.fill(test('name.th'), 'กล้องใหม่');
    await page.fill(test('streams[0].url'), `rtsp://127.0.0.1:${hub.cameraPort}/cam01/main`);
    await page.fill(test('location.lat'), '18.8');
    await page.fill(test('location.lon'), '98.986');
    await page.click(test('save'));
    const row = `${test('row')}[data-camera="cam07"]`;
    await page.waitForSelector(row);

    await page.click(`${row} ${test('edit')}`);
    await page.fill(test('name.th'), 'กล้องเปลี่ยนชื่อ');
    await page.click(test('save'));
    await page.waitForSelector(`${row}:has-text("กล้องเปลี่ยนชื่อ")`);

    await page.click(`${row} ${test('delete')}`);
    expect(await page.isDisabled(test('delete-go'))).toBe(true);
    await page.fill(test('delete-confirm'), 'cam07');
    await page.click(test('delete-go'));
    await page.waitForSelector(row, { state: 'detached' });
  });

  it('tries a CSV file without changing anything, then imports what is right', async () => {
    const csv = '\uFEFFid,name_th,name_en,lat,lon,main_url\r\n' +
      `cam08,กล้องแปด,Camera eight,18.8010,98.9870,rtsp://127.0.0.1:${hub.cameraPort}/cam02/main\r\n` +
      `cam09,สลับพิกัด,Swapped,98.9870,18.8010,rtsp://127.0.0.1:${hub.cameraPort}/cam02/main\r\n` +
      'cam10,แปลก,Strange,18.8010,98.9870,ftp://127.0.0.1/\r\n';
    await page.click(test('import'));
    await page.setInputFiles(test('import-file'), { name: 'cameras.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) });
    await page.waitForSelector(`${test('import-report')}[data-dry="true"]`);
    expect(await page.locator(`${test('import-row')}[data-result="created"]`).count()).toBe(1);
    expect(await page.locator(`${test('import-row')}[data-result="rejected"]`).count()).toBe(2);
    expect(await page.locator(`${test('row')}[data-camera="cam08"]`).count()).toBe(0);

    await page.click(test('import-go'));
    await page.waitForSelector(`${test('import-report')}[data-dry="false"]`);
    await page.click(test('import-close'));
    await page.waitForSelector(`${test('row')}[data-camera="cam08"]`);
    expect(await page.locator(`${test('row')}[data-camera="cam09"]`).count()).toBe(0);
  });

  it('speaks English when asked, and remembers it', async () => {
    await page.click(test('account'));
    await page.click(test('language-en'));
    await page.waitForSelector(`${test('nav-wall')}:has-text("Wall")`);
    await page.reload();
    await page.waitForSelector(`${test('nav-wall')}:has-text("Wall")`);
    expect(await page.getAttribute('html', 'lang')).toBe('en');
  });

  it('logs out', async () => {
    await page.click(test('account'));
    await page.click(test('logout'));
    await page.waitForSelector('[name=username]');
    await page.goto(`${hub.url}/cameras`);
    await page.waitForSelector('[name=username]');
  });

  it('had no error of its own in all that', () => {
    expect(problems).toEqual([]);
  });
});
