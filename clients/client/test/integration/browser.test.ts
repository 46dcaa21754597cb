import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { rolldown } from 'rolldown';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { AvanceClient, JobRef } from '../../src/index.ts';
import { RealServer } from './server.ts';

const CHROMIUM = process.env.AVANCE_CHROMIUM ?? '/usr/bin/chromium';
const SOURCE = new URL('../../src/index.ts', import.meta.url).pathname;

interface Shown {
  client: AvanceClient;
  ref: JobRef;
  statuses: string[];
}

declare global {
  // What the page keeps between two calls of the test.
  var shown: Shown;
  var createAvance: (options?: object) => AvanceClient;
}

interface Tab {
  page: Page;
  sockets: string[];
}

const server = new RealServer('open');
let browser: Browser;
let context: BrowserContext;
let script: string;

beforeAll(async () => {
  if (!existsSync(CHROMIUM)) {
    throw new Error(
      `there is no Chromium at ${CHROMIUM}: apt install chromium, or set AVANCE_CHROMIUM`,
    );
  }
  const entry = { input: SOURCE, platform: 'browser', logLevel: 'silent' } as const;
  const bundle = await rolldown(entry);
  const { output } = await bundle.generate({
    format: 'iife',
    name: 'avance',
    codeSplitting: false,
  });
  script = `${output[0].code}; globalThis.createAvance = avance.createAvance;`;
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  await server.start();
});
afterAll(async () => {
  await browser?.close();
  await server.remove();
});
beforeEach(async () => {
  context = await browser.newContext();
});
afterEach(() => context.close());

/** A tab of the browser that follows a job. */
async function open(id: string): Promise<Tab> {
  const page = await context.newPage();
  const sockets: string[] = [];
  page.on('websocket', (socket) => sockets.push(socket.url()));
  const answer = { contentType: 'text/html', body: '<!doctype html><title>avance</title>' };
  await page.route('**/page.html', (route) => route.fulfill(answer));
  await page.goto(`${server.url}/page.html`);
  await page.addScriptTag({ content: script });
  await page.evaluate((job) => {
    const client = globalThis.createAvance();
    const ref = client.job(job);
    const statuses: string[] = [];
    client.connection.subscribe(() => statuses.push(client.connection.get().status));
    ref.subscribe(() => undefined);
    globalThis.shown = { client, ref, statuses };
  }, id);
  return { page, sockets };
}

async function submit(gate: string): Promise<string> {
  const answer = await fetch(`${server.url}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ task: 'test.steps', params: { gate, total: 4 } }),
  });
  return ((await answer.json()) as { id: string }).id;
}

function percent({ page }: Tab): Promise<number | undefined> {
  return page.evaluate(() => globalThis.shown.ref.get().job?.progress.percent ?? undefined);
}

/** The last chunks that were told live; the first one may have come before the snapshot. */
function lastTokens({ page }: Tab): Promise<unknown[] | undefined> {
  return page.evaluate(() => {
    const { streams } = globalThis.shown.ref.get();
    return streams.tokens?.map((part) => part.chunk).filter((chunk) => chunk !== 't0');
  });
}

async function shows(tab: Tab, wanted: number): Promise<void> {
  await expect.poll(() => percent(tab)).toBe(wanted);
}

test('tabs share one connection, and the next one goes on when the first is closed', async () => {
  const gate = server.gate();
  const id = await submit(gate);
  const one = await open(id);
  server.open(gate, 0);
  await shows(one, 10);
  const two = await open(id);
  await shows(two, 10);
  server.open(gate, 1);
  await shows(one, 20);
  await shows(two, 20);
  expect([one.sockets.length, two.sockets.length]).toEqual([1, 0]);
  await one.page.close();
  server.open(gate, 2);
  server.open(gate, 3);
  await shows(two, 40);
  expect(two.sockets).toHaveLength(1);
  expect(await lastTokens(two)).toEqual(['t1', 't2', 't3']);
});

test('a browser that was offline tells so, and then shows what it missed', async () => {
  const gate = server.gate();
  const tab = await open(await submit(gate));
  server.open(gate, 0);
  await shows(tab, 10);
  await context.setOffline(true);
  const status = (): Promise<string> =>
    tab.page.evaluate(() => globalThis.shown.client.connection.get().status);
  await expect.poll(status).toBe('offline');
  for (const number of [1, 2, 3]) server.open(gate, number);
  await context.setOffline(false);
  await shows(tab, 40);
  await expect.poll(status).toBe('live');
  expect(await lastTokens(tab)).toEqual(['t1', 't2', 't3']);
});
