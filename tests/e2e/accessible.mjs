// axe-core on each screen of the console, in both themes and both languages.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { drive } from './browser.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const LANGUAGES = ['en', 'es'];
const THEMES = ['light', 'dark'];

await drive(async ({ url, folder, told, browser, watch }) => {
  const api = async (path, body) => {
    const answer = await fetch(`${url}${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    return answer.json();
  };
  const job = await api('/v1/jobs', { task: 'demo.document', params: { name: 'a.pdf', pages: 5 } });
  const failing = { task: 'demo.fail', params: { times: 9 } };
  await api('/v1/jobs', failing);
  await api('/v1/inbox', { user: 'dev', title: 'Stock bajo', body: 'Producto A', job_id: job.id });
  const { apps } = await api('/v1/apps');
  // What stands on each screen once its data has come.
  const screens = {
    '/': (page) => page.locator('section li[data-status]').first(),
    '/jobs': (page) => page.locator('tbody tr').first(),
    [`/jobs/${job.id}`]: (page) => page.getByTestId('summary'),
    '/jobs/unknown': (page) => page.getByRole('alert'),
    '/inbox': (page) => page.locator('[data-notice-title]').first(),
    '/workers': (page) => page.locator('tbody tr').first(),
    '/connections': (page) => page.locator('tbody tr').first(),
    '/try': (page) => page.getByRole('combobox').nth(2),
    '/nothing-here': (page) => page.getByRole('link', { name: /jobs|trabajos/i }).nth(1),
    ...Object.fromEntries(
      apps.map(({ name }) => [`/${name}`, (page) => page.getByRole('heading', { level: 1 })]),
    ),
  };
  told.checked = 0;
  told.violations = [];
  told.titles = {};
  for (const theme of THEMES) {
    for (const language of LANGUAGES) {
      const context = await browser.newContext({
        bypassCSP: true,
        viewport: { width: 1200, height: 800 },
      });
      await context.addInitScript(
        ([chosen, look]) => {
          localStorage.setItem('avance.language', chosen);
          localStorage.setItem('avance.theme', look);
        },
        [language, theme],
      );
      const page = await context.newPage();
      watch(page);
      await page.goto(`${url}/console/`);
      await page.evaluate(axe);
      for (const [path, ready] of Object.entries(screens)) {
        await page.evaluate((to) => history.pushState(null, '', to), `/console${path}`);
        await ready(page).waitFor();
        await page.locator('[aria-busy=true]').waitFor({ state: 'detached' });
        const { violations } = await page.evaluate(
          (values) => globalThis.axe.run(document, { runOnly: { type: 'tag', values } }),
          TAGS,
        );
        told.checked += 1;
        told.titles[path] = await page.title();
        const name = path.includes(job.id) ? 'job' : path.slice(1) || 'now';
        await page.screenshot({ path: `${folder}/${name}-${theme}-${language}.png` });
        for (const { id, nodes } of violations) {
          const where = nodes.map(({ target, failureSummary }) => [
            target.join(' '),
            failureSummary,
          ]);
          told.violations.push({ path, theme, language, id, where });
        }
      }
      await context.close();
    }
  }
  told.apps = apps.length;
});
