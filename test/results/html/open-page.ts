import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium'; // where Debian puts it
/** Why tests in a browser are skipped; false if they are not. */
export const skip = existsSync(CHROMIUM) ? false : `there is no ${CHROMIUM}`;
const ARGUMENTS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync'],
];

const folder = await mkdtemp(join(tmpdir(), 'llavahr-html-'));
const path = join(folder, 'report.html');
const browser: Browser | null = skip ? null : await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true });
});

/**
 * A report in the browser, with what it complains of and what it asks for, which is to be nothing.
 * @param fragment what follows `#` in its address
 */
export async function openPage(
  html: string,
  options: BrowserContextOptions = {},
  fragment = '',
): Promise<{ page: Page; complaints: string[] }> {
  await writeFile(path, html);
  const page = await browser!.newPage(options);
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    const url = request.url().split('#')[0]!;
    if (url !== pathToFileURL(path).href && !url.startsWith('data:')) complaints.push(url);
  });
  await page.goto(`${pathToFileURL(path).href}${fragment === '' ? '' : `#${fragment}`}`);
  return { page, complaints };
}
