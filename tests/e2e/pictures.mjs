// The pictures of the documentation: node tests/e2e/pictures.mjs <url> <folder>. Prints one JSON line.
import { scenario } from './browser.mjs';

export const script = await scenario(
  import.meta.url,
  async ({ url, folder, told, browser, watch }) => {
    const call = async (path, body) => {
      const answer = await fetch(`${url}${path}`, {
        method: body ? 'POST' : 'GET',
        headers: { 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
      return answer.json();
    };
    const submit = async (task, title, params) =>
      (await call('/v1/jobs', { task, title, params })).id;
    const ended = async (id) => {
      for (let seq = 0; ; ) {
        const { events } = await call(`/v1/jobs/${id}/events?since=${seq}&wait_s=20`);
        if (events.some(({ type, to }) => type === 'state' && /ed$/.test(to) && to !== 'queued'))
          return;
        seq = events.at(-1)?.seq ?? seq;
      }
    };
    told.pictures = [];
    const open = async (language, theme) => {
      const context = await browser.newContext({ viewport: { width: 1120, height: 700 } });
      await context.addInitScript(
        ([chosen, shown]) => {
          localStorage.setItem('avance.language', chosen);
          localStorage.setItem('avance.theme', shown);
        },
        [language, theme],
      );
      const page = await context.newPage();
      watch(page);
      const take = async (name) => {
        await page.locator('[aria-busy=true]').waitFor({ state: 'detached' });
        await page.screenshot({ path: `${folder}/${name}.png`, animations: 'disabled' });
        told.pictures.push(`${name}.png`);
      };
      return { page, take };
    };

    for (const [title, pages] of [
      ['contract.pdf', 6],
      ['invoice.pdf', 3],
    ])
      await ended(await submit('demo.document', title, { pages }));
    await ended(await submit('demo.fail', 'Nightly import', { times: 3 }));
    await call('/v1/inbox', {
      user: 'dev',
      title: 'Low stock: cat food',
      body: '12 left of at least 40',
      priority: 'high',
    });
    await call('/v1/inbox', { user: 'dev', title: 'Goods have arrived', body: '200 of cat food' });
    const { routes } = await call('/routes/sample?size=small');
    const vehicles = [
      ['North', 42.8, -8.3],
      ['South', 42.45, -8.1],
    ].map(([name, lat, lon]) => ({ id: name, count: 8, depot: { name, lat, lon } }));
    const { job_id } = await call('/routes/optimize', { routes, vehicles, mode: 'buses' });
    await ended(job_id);
    const report = await submit('demo.document', 'report.pdf', { pages: 400 });
    const counting = await submit('demo.count', 'Counting the shelves', { steps: 3000 });

    const light = await open('en', 'light');
    const moving = (page) =>
      page.waitForFunction(() =>
        [...document.querySelectorAll('[role=progressbar]')].some((bar) => {
          const now = Number(bar.getAttribute('aria-valuenow'));
          return now > 3 && now < 100;
        }),
      );
    await light.page.goto(`${url}/console/`);
    await light.page.locator('section li[data-status]').first().waitFor();
    await moving(light.page);
    await light.take('console-now');
    await light.page.goto(`${url}/console/jobs/${report}`);
    await moving(light.page);
    await light.take('console-job');
    await light.page.goto(`${url}/console/inbox`);
    await light.page.locator('[data-notice-title]').first().waitFor();
    await light.take('console-inbox');

    await light.page.goto(`${url}/console/routes/plans/${job_id}`);
    await light.page.getByTestId('kpis').waitFor();
    await light.take('console-routes');

    const dark = await open('es', 'dark');
    await dark.page.goto(`${url}/console/jobs`);
    await moving(dark.page);
    await dark.take('console-jobs-dark');
    for (const id of [report, counting]) await call(`/v1/jobs/${id}/cancel`, {});
  },
);
