// Debian's Chromium, headless, with a fresh profile.
import { chromium, type Browser, type Page } from 'playwright-core';

const flags = [
  '--headless=new', '--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
];

export async function startBrowser(more: string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: process.env.CCOC_CHROMIUM ?? '/usr/bin/chromium', args: [...flags, ...more] });
}

export async function newPage(browser: Browser): Promise<{ page: Page; problems: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1366, height: 768 } });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(`page: ${error.message}`));
  page.on('console', (message) => {
    // The browser itself reports every refused request; those are the console's business, not errors of the page.
    if (message.type() === 'error' && !message.text().includes('Failed to load resource')) problems.push(`console: ${message.text()}`);
  });
  return { page, problems };
}

/** A number made of the pixels of a canvas; 0 where it shows nothing yet. */
export async function pixels(page: Page, canvas: string): Promise<number> {
  return page.evaluate((selector) => {
    const element = document.querySelector<HTMLCanvasElement>(selector);
    const context = element?.getContext('2d');
    if (!element || !context || element.width < 32) return 0;
    const data = context.getImageData(0, 0, element.width, element.height).data;
    let sum = 0;
    for (let index = 0; index < data.length; index += 4) sum = (sum * 31 + data[index]! + 3 * data[index + 1]!) >>> 0;
    return sum;
  }, canvas);
}
