// A table of very many jobs that move: node tests/e2e/rows.mjs <url> <folder> <rows> <seconds>. Prints one JSON line.
// The seconds are how long the frames are measured; benchmarks/console.py asks for more of them than the test.
import { scenario } from './browser.mjs';

const EVERY_S = 1 / 20;
const COSTS = ['TaskDuration', 'ScriptDuration', 'LayoutDuration', 'RecalcStyleDuration'];

export const script = await scenario(
  import.meta.url,
  async ({ url, picture, more: [wanted, seconds], told, open }) => {
    const call = async (path, body) => {
      const answer = await fetch(`${url}${path}`, {
        method: body ? 'POST' : 'GET',
        headers: { 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
      return answer.json();
    };
    const params = { count: Number(wanted), every_s: EVERY_S };
    const { id } = await call('/v1/jobs', { task: 'rows.move', params });
    // It says so when all rows are there.
    let seq = 0;
    for (let job = { progress: {} }; !job.progress.percent; job = await call(`/v1/jobs/${id}`)) {
      const { events } = await call(`/v1/jobs/${id}/events?since=${seq}&wait_s=20`);
      seq = events.at(-1)?.seq ?? seq;
    }

    // With all that moves: its frames are measured.
    const page = await open({ reducedMotion: 'no-preference' });
    // The page itself knows when they are drawn; whoever asks it from outside learns that later.
    await page.addInitScript(() => {
      const seen = new MutationObserver(() => {
        if (!document.querySelector('tbody tr')) return;
        seen.disconnect();
        requestAnimationFrame(() => {
          window.firstRowsMs = performance.now();
        });
      });
      seen.observe(document, { childList: true, subtree: true });
    });
    await page.goto(`${url}/console/jobs?state=running`);
    await page.locator('tbody tr').first().waitFor();
    await page.waitForFunction(() => window.firstRowsMs > 0);
    told.firstRowsMs = await page.evaluate(() => window.firstRowsMs);
    const shown = page.getByText('trabajos a la vista');
    const more = page.locator('button:enabled', { hasText: 'Mostrar trabajos anteriores' });
    const countOf = (text) => Number(text.replace(/\D/g, ''));
    for (;;) {
      const before = await shown.textContent();
      told.loaded = countOf(before);
      if (told.loaded >= Number(wanted)) break;
      // Not by its place on the screen: rows that are drawn above may push it away between press and release.
      await more.evaluate((button) => button.click());
      await page.waitForFunction((known) => !document.body.textContent.includes(known), before);
    }
    told.rowCount = Number(await page.getByRole('table').getAttribute('aria-rowcount'));

    // The first rows at the top, the last at the bottom, and never all of them.
    const rows = page.locator('tbody tr:not([data-empty])');
    told.inPage = [await rows.count()];
    await shown.scrollIntoViewIfNeeded();
    await page.locator(`tr[aria-rowindex="${told.rowCount}"]`).scrollIntoViewIfNeeded();
    told.inPage.push(await rows.count());
    await page.evaluate(() => scrollTo(0, 0));
    await page.locator('tr[aria-rowindex="2"]').waitFor();

    // They move while one looks.
    const bars = page.getByRole('progressbar');
    const before = await bars.evaluateAll((all) => all.map((bar) => bar.ariaValueNow).join());
    await page.waitForFunction((known) => {
      const all = [...document.querySelectorAll('[role=progressbar]')];
      return all.map((bar) => bar.ariaValueNow).join() !== known;
    }, before);
    told.isMoving = true;

    const client = await page.context().newCDPSession(page);
    await client.send('Performance.enable', { timeDomain: 'threadTicks' });
    const costs = async () => {
      const { metrics } = await client.send('Performance.getMetrics');
      return COSTS.map((cost) => metrics.find(({ name }) => name === cost).value * 1000);
    };
    const from = await costs();
    const frames = await page.evaluate(
      (ms) =>
        new Promise((resolve) => {
          const times = [];
          const next = (now) => {
            times.push(now);
            if (now - times[0] < ms) requestAnimationFrame(next);
            else resolve(times.slice(1).map((time, n) => time - times[n]));
          };
          requestAnimationFrame(next);
        }),
      Number(seconds) * 1000,
    );
    const to = await costs();
    frames.sort((a, b) => a - b);
    told.frames = frames.length;
    told.frameMs = {
      p50: frames[Math.floor(frames.length * 0.5)],
      p99: frames[Math.floor(frames.length * 0.99)],
    };
    told.cpuMsPerFrame = Object.fromEntries(
      COSTS.map((name, n) => [name, (to[n] - from[n]) / frames.length]),
    );
    await picture(page, 'rows');
  },
);
