// axe-core on each screen of the console, its dialogs too, in both themes and both languages.
import { addressOf, areaScreens, shownOn } from './areas.mjs';
import { EVERY_RULE, OF_COLOURS, OF_WORDS, violationsOf } from './axe.mjs';
import { scenario } from './browser.mjs';

/** Every rule once; nothing but the colours differs between themes, and nothing but the words between languages. */
const LOOKS = {
  en: { light: EVERY_RULE, dark: OF_COLOURS },
  es: { light: OF_WORDS, dark: OF_COLOURS },
};
const ENDED = ['completed', 'failed', 'cancelled', 'expired'];

export const script = await scenario(
  import.meta.url,
  async ({ url, folder, told, browser, watch }) => {
    const api = async (path, body) => {
      const answer = await fetch(`${url}${path}`, {
        method: body ? 'POST' : 'GET',
        headers: { 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return answer.json();
    };
    const ended = async (id) => {
      for (let seq = 0; !ENDED.includes((await api(`/v1/jobs/${id}`)).state); ) {
        const { events } = await api(`/v1/jobs/${id}/events?since=${seq}&wait_s=20`);
        seq = events.at(-1)?.seq ?? seq;
      }
      return id;
    };
    const job = await api('/v1/jobs', {
      task: 'demo.document',
      params: { name: 'a.pdf', pages: 5 },
    });
    const failed = await api('/v1/jobs', { task: 'demo.fail', params: { times: 9 } });
    await api('/v1/inbox', {
      user: 'dev',
      title: 'Stock bajo',
      body: 'Producto A',
      job_id: job.id,
    });
    const { apps } = await api('/v1/apps');
    const areas = await areaScreens(apps);
    const shown = await Promise.all(
      areas.map(async (path) => [
        await addressOf(path, { url, api, ended, browser }),
        (page) => page.locator(`main ${shownOn(path)}`).first(),
      ]),
    );
    await ended(failed.id);
    const row = (page) => page.locator('tbody tr').first();
    // What stands on each screen once its data has come.
    const screens = {
      '/': (page) => page.locator('section li[data-status]').first(),
      '/jobs': row,
      '/jobs?state=cancelled&tag=none': (page) => page.locator('[data-tone=empty]'),
      [`/jobs/${job.id}`]: (page) => page.getByTestId('summary'),
      [`/jobs/${failed.id}`]: (page) => page.getByTestId('summary'),
      '/jobs/unknown': (page) => page.getByRole('alert'),
      '/inbox': (page) => page.locator('[data-notice-title]').first(),
      '/inbox?show=archived': (page) => page.locator('[data-tone=empty]'),
      '/workers': row,
      '/connections': row,
      '/try': (page) => page.getByRole('combobox').nth(2),
      '/nothing-here': (page) => page.getByRole('link', { name: /jobs|trabajos/i }).nth(1),
      ...Object.fromEntries(shown),
    };
    const dialogOf = async (page, button) => {
      await page.evaluate(() => history.pushState(null, '', '/console/inbox'));
      await page.locator('h1 ~ div button').nth(button).click();
      await page.locator('dialog[open]').locator('input, select').first().waitFor();
    };
    // What opens over a screen, and is closed by Esc.
    const opened = {
      keys: async (page) => {
        await page.keyboard.press('?');
        await page.locator('dialog[open]').waitFor();
      },
      bell: async (page) => {
        await page.locator('.avance-bell > button').click();
        await page.locator('.avance-bell-panel article').first().waitFor();
      },
      folds: async (page) => {
        await page.evaluate((to) => history.pushState(null, '', to), `/console/jobs/${failed.id}`);
        await page.getByTestId('summary').waitFor();
        for (const fold of await page.locator('summary').all()) await fold.click();
        await page.locator('details ol li').first().waitFor();
        await page.locator('details[open] pre').first().waitFor();
      },
      preferences: (page) => dialogOf(page, 1),
      compose: (page) => dialogOf(page, 2),
    };
    told.checked = 0;
    told.violations = [];
    const look = async (language) => {
      const context = await browser.newContext({
        bypassCSP: true,
        reducedMotion: 'reduce',
        viewport: { width: 1200, height: 800 },
      });
      await context.addInitScript(
        (chosen) => localStorage.setItem('avance.language', chosen),
        language,
      );
      const page = await context.newPage();
      watch(page);
      const audit = async (name) => {
        for (const [theme, rules] of Object.entries(LOOKS[language])) {
          await page.evaluate((shown) => {
            document.documentElement.dataset.theme = shown;
          }, theme);
          told.checked += 1;
          for (const broken of await violationsOf(page, rules))
            told.violations.push({ name, theme, language, ...broken });
          if (!process.env.AVANCE_SCREENSHOTS) continue;
          const file = name.replace(job.id, 'job').replace(/\?.*/, '').replace(/^\//, '');
          const path = `${folder}/${file.replaceAll('/', '-') || 'now'}-${theme}-${language}.png`;
          await page.screenshot({ path });
        }
      };
      await page.goto(`${url}/console/`);
      for (const [path, ready] of Object.entries(screens)) {
        await page.evaluate((to) => history.pushState(null, '', to), `/console${path}`);
        told.at = path;
        await ready(page).waitFor();
        await page.locator('[aria-busy=true]').waitFor({ state: 'detached' });
        await audit(path);
      }
      for (const [name, open] of Object.entries(opened)) {
        await open(page);
        await audit(name);
        await page.keyboard.press('Escape');
        await page.locator('dialog[open]').waitFor({ state: 'detached' });
      }
      await context.close();
    };
    await Promise.all(Object.keys(LOOKS).map(look));
    told.areas = areas;
    told.wanted =
      Object.values(LOOKS).flatMap(Object.keys).length *
      (Object.keys(screens).length + Object.keys(opened).length);
  },
);
