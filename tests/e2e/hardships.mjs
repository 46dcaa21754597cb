// What else may befall a page: its computer sleeps, its token ends, WebSockets do not pass, the job fails.
import { writeFileSync } from 'node:fs';
import { scenario } from './browser.mjs';

export const script = await scenario(
  import.meta.url,
  async ({ url, folder, more: [ana], told, open, watch }) => {
    const call = async (path, body) => {
      const answer = await fetch(`${url}${path}`, {
        method: body ? 'POST' : 'GET',
        headers: { 'x-api-key': ana, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
      return answer.json();
    };
    const submit = async (task, params) => (await call('/v1/jobs', { task, params })).id;
    const end = async (id) => {
      let seq = 0;
      for (;;) {
        const { events } = await call(`/v1/jobs/${id}/events?since=${seq}&wait_s=20`);
        seq = events.at(-1)?.seq ?? seq;
        if ((await call(`/v1/jobs/${id}`)).state !== 'running') return;
      }
    };
    const signIn = async (page) => {
      await page.getByLabel('Token o clave de API').fill(ana);
      await page.getByRole('button', { name: 'Entrar' }).click();
      await page.getByText('En directo').first().waitFor();
    };
    const summary = (page) => page.getByTestId('summary');
    const percent = async (page) =>
      Number(await summary(page).getByRole('progressbar').getAttribute('aria-valuenow'));

    // A laptop sleeps while its tab holds the connection of all tabs; the other tab goes on, and the sleeper catches up.
    const page = await open();
    await page.goto(`${url}/console/jobs`);
    await signIn(page);
    const session = await page.evaluate(() => sessionStorage.getItem('avance.session'));
    const gate = `${folder}/gate`;
    const long = await submit('demo.gated', { name: 'largo.pdf', gate });
    await page.goto(`${url}/console/jobs/${long}`);
    await summary(page).getByText('En curso').waitFor();
    const state = await page.context().newCDPSession(page);
    const turn = (to) => state.send('Page.setWebLifecycleState', { state: to });
    await turn('frozen');
    const tab = await page.context().newPage();
    watch(tab);
    await tab.addInitScript((kept) => sessionStorage.setItem('avance.session', kept), session);
    await tab.goto(`${url}/console/jobs/${long}`);
    writeFileSync(gate, '');
    await summary(tab).getByText('Completado').waitFor();
    told.whileAsleep = await percent(tab);
    await turn('active');
    await page.bringToFront();
    await summary(page).getByText('Completado').waitFor();
    told.afterSleep = await percent(page);
    await page.getByRole('heading', { name: 'Resultado' }).waitFor();
    await tab.close();

    // The token ends while somebody looks: another one takes its place, and nothing shows of it.
    const sockets = [];
    page.on('websocket', (socket) => sockets.push(socket.url()));
    const said = new Set();
    await page.exposeFunction('heard', (words) => said.add(words));
    await page.evaluate(() => {
      const badge = document.querySelector('.avance-badge');
      new MutationObserver(() => window.heard(badge.textContent)).observe(badge, {
        childList: true,
        characterData: true,
        subtree: true,
      });
    });
    await page.waitForFunction((was) => sessionStorage.getItem('avance.session') !== was, session);
    const renewed = await page.evaluate(() => sessionStorage.getItem('avance.session'));
    await page.waitForFunction((was) => sessionStorage.getItem('avance.session') !== was, renewed);
    const third = await page.evaluate(() => sessionStorage.getItem('avance.session'));
    told.tokens = new Set([session, renewed, third]).size;
    told.saidMeanwhile = [...said];
    told.newSockets = sockets.length;

    // The job fails: why, and the way to try again.
    const failing = await submit('demo.fail', { times: 3 });
    await page.evaluate((to) => history.pushState(null, '', to), `/console/jobs/${failing}`);
    await summary(page).getByText('Fallido').waitFor();
    told.why = await page.getByText('attempt 3 was meant to fail').first().textContent();
    told.attempts = await summary(page).getByText('Intento 3 de 3').count();
    await page.getByRole('button', { name: 'Repetir' }).click();
    await page.waitForURL((address) => !address.pathname.endsWith(failing));
    await page.getByRole('link', { name: failing }).waitFor();
    told.isAnother = true;

    // The server was upgraded: a file that this page knows is gone, and the new page has another one.
    const reload = page.waitForEvent('load');
    let isGone = true;
    page.on('request', (request) => {
      if (request.isNavigationRequest()) isGone = false;
    });
    await page.route(/assets\/Inbox-.*\.js/, (route) =>
      isGone ? route.fulfill({ status: 404 }) : route.continue(),
    );
    await page.evaluate(() => history.pushState(null, '', '/console/inbox'));
    await reload;
    await page.getByRole('heading', { level: 1, name: 'Notificaciones' }).waitFor();
    told.isReloaded = !isGone;

    // WebSockets do not pass; then nothing that stays open does.
    const passing = async (refused, words) => {
      const other = await open();
      const streams = new Set();
      other.on('request', (request) => {
        const [, stream] = /connection\/(http_stream|sse)/.exec(request.url()) ?? [];
        if (stream) streams.add(stream);
      });
      await other.routeWebSocket(/connection\/websocket/, (socket) => socket.close());
      await other.route(refused, (route) => route.abort());
      await other.addInitScript(
        (kept) => sessionStorage.setItem('avance.session', kept),
        await token(),
      );
      const id = await submit('demo.document', { name: 'lento.pdf', pages: 4000 });
      await other.goto(`${url}/console/jobs/${id}`);
      await other.getByText(words, { exact: true }).first().waitFor();
      const before = await percent(other);
      await other.waitForFunction((known) => {
        const bar = document.querySelector('[data-testid=summary] [role=progressbar]');
        return Number(bar?.getAttribute('aria-valuenow')) > known;
      }, before);
      await other.getByRole('button', { name: 'Cancelar' }).click();
      await summary(other).getByText('Cancelado').waitFor();
      await end(id);
      await other.context().close();
      return [...streams].sort();
    };
    const token = async () => (await call('/v1/tokens', {})).token;
    told.streams = await passing(/no-such-path/, 'En directo');
    told.polled = await passing(/connection\//, 'En directo, con retraso');
    told.isPolled = true;
  },
);
