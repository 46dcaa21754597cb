// What the scripts of this folder have in common: a real Chromium, and what it complained about.
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

export const patience = 30_000 * Number(process.env.AVANCE_TEST_TIMEOUT_FACTOR ?? 1);

/** Open a browser, run the script and print what it told as one line of JSON, also when it failed. */
export async function drive(script) {
  const [url, folder, ...more] = process.argv.slice(2);
  const browser = await chromium.launch({
    executablePath: process.env.AVANCE_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
  const told = { errors: [], foreign: [] };
  const open = async (options = {}) => {
    const context = await browser.newContext({
      locale: 'es-ES',
      viewport: { width: 1200, height: 800 },
      ...options,
    });
    const page = await context.newPage();
    watch(page);
    return page;
  };
  const watch = (page) => {
    page.setDefaultTimeout(patience);
    page.on('pageerror', (error) => told.errors.push(String(error)));
    page.on('console', (line) => {
      // A refused request, or a server that is away, is what some scripts ask for.
      const isRefusal = /^Failed to load resource|ERR_CONNECTION|ERR_INTERNET/.test(line.text());
      if (line.type() === 'error' && !isRefusal) told.errors.push(line.text());
    });
    page.on('request', (request) => {
      const address = request.url();
      if (!address.startsWith(url) && !/^(blob|data):/.test(address)) told.foreign.push(address);
    });
  };
  // Open only while a script asks: it would keep this process alive.
  const ask = async (what) => {
    const lines = createInterface({ input: process.stdin });
    const answered = new Promise((resolve) => lines.once('line', resolve));
    process.stdout.write(`ask ${what}\n`);
    await answered;
    lines.close();
    process.stdin.pause();
  };
  try {
    await script({ url, folder, more, told, open, watch, ask, browser });
  } finally {
    await browser.close();
    process.stdout.write(`${JSON.stringify(told)}\n`);
  }
}
