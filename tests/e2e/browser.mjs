// What the scripts of this folder have in common: a real Chromium, and what it complained about.
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

export const patience = 30_000 * Number(process.env.AVANCE_TEST_TIMEOUT_FACTOR ?? 1);

const lines = createInterface({ input: process.stdin });
const typed = lines[Symbol.asyncIterator]();

// Chromium takes the last of these lists, so what Playwright turns off stands here too.
const OFF_FOR_PLAYWRIGHT = [
  'AvoidCorsURLLoaderRestartOnRedirect',
  'AvoidUnnecessaryBeforeUnloadCheckSync',
  'DestroyProfileOnBrowserClose',
  'HttpsFirstBalancedModeAutoEnable',
  'HttpsUpgrades',
  'LensOverlay',
  'MediaRouter',
  'NetworkTimeServiceQuerying',
  'OptimizationHints',
  'PaintHolding',
  'PreconnectToSearch',
  'ThirdPartyStoragePartitioning',
  'AimEnabled',
];
// Each window would load hidden pages for what its address bar may open: more work than most pages of the console.
const OFF_UNSEEN = ['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup', 'WebUIOmniboxFullPopup'];

export const launch = () =>
  chromium.launch({
    executablePath: process.env.AVANCE_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      `--disable-features=${[...OFF_FOR_PLAYWRIGHT, ...OFF_UNSEEN].join(',')}`,
    ],
  });

/** The next line of the process that runs this one; undefined when it has ended. */
export async function readLine() {
  const { done, value } = await typed.next();
  return done ? undefined : value;
}

/** A script, run at once when it is what Node was started with: node tests/e2e/rows.mjs <url> <folder> … prints one JSON line. */
export async function scenario(address, script) {
  if (address !== pathToFileURL(process.argv[1]).href) return script;
  const [url, folder, ...more] = process.argv.slice(2);
  const browser = await launch();
  const { told, failure } = await run(script, { browser, url, folder, more });
  await browser.close();
  // An open input would keep this process alive.
  lines.close();
  process.stdout.write(`${JSON.stringify(told)}\n`);
  if (failure !== undefined) throw new Error(failure);
  return script;
}

const textOf = async (page) => {
  const text = await page
    .locator('body')
    // biome-ignore lint/performance/useDomNodeTextContent: what a reader sees, without the page's scripts
    .innerText({ timeout: 5_000 })
    .catch((error) => String(error));
  return `${page.url()}: ${text.slice(0, 3_000)}`;
};

/** Run a script in this browser. It gives what the script told, also when it failed, and why it did. */
export async function run(script, { browser, url, folder, more }) {
  const told = { errors: [], foreign: [] };
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
  const open = async (options = {}) => {
    const context = await browser.newContext({
      locale: 'es-ES',
      viewport: { width: 1200, height: 800 },
      // Nothing is waited for, and nothing drawn, that only pleases the eye.
      reducedMotion: 'reduce',
      ...options,
    });
    const page = await context.newPage();
    watch(page);
    return page;
  };
  const ask = async (what) => {
    process.stdout.write(`ask ${what}\n`);
    await readLine();
  };
  // For whoever wants to see what a test saw; to draw them takes a good part of its time.
  const picture = async (page, name, options = {}) => {
    if (process.env.AVANCE_SCREENSHOTS)
      await page.screenshot({ path: `${folder}/${name}.png`, ...options });
  };
  const stray = (error) => told.errors.push(`nobody waited for it: ${error?.stack ?? error}`);
  process.on('unhandledRejection', stray);
  try {
    await script({ url, folder, more, told, open, watch, ask, picture, browser });
    return { told };
  } catch (error) {
    // What a person would have seen there.
    const pages = browser.contexts().flatMap((context) => context.pages());
    told.seen = await Promise.all(pages.map(textOf));
    return { told, failure: error?.stack ?? String(error) };
  } finally {
    await Promise.all(browser.contexts().map((context) => context.close()));
    process.off('unhandledRejection', stray);
  }
}
