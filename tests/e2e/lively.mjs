// What may happen to a page while its jobs go on: a second tab, a lost network, a server that restarts, another user.
import { scenario } from './browser.mjs';

export const script = await scenario(
  import.meta.url,
  async ({ url, picture, more: [ana, bob], told, open, watch, ask }) => {
    const call = async (path, key, body, method = body ? 'POST' : 'GET') => {
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: { 'x-api-key': key, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
      return answer.status === 204 ? undefined : answer.json();
    };
    const submit = async (key, title, pages) =>
      (await call('/v1/jobs', key, { task: 'demo.document', title, params: { pages } })).id;
    const signIn = async (page, key) => {
      await page.getByLabel('Token o clave de API').fill(key);
      await page.getByRole('button', { name: 'Entrar' }).click();
      await page
        .getByRole('heading', { level: 1 })
        .and(page.getByText('avance'))
        .waitFor({ state: 'detached' });
    };
    const page = await open();
    const context = page.context();
    await page.goto(`${url}/console/jobs`);
    await signIn(page, ana);
    const first = await submit(ana, 'de ana', 4000);
    await page.getByRole('link', { name: 'de ana' }).waitFor();

    // Two users do not see each other.
    const other = await open();
    await other.goto(`${url}/console/jobs`);
    await signIn(other, bob);
    await other.getByText('Aún no hay trabajos').waitFor();
    await submit(bob, 'de bob', 5);
    await other.getByRole('link', { name: 'de bob' }).waitFor();
    told.bobSees = await other.getByRole('row').count();
    await other.goto(`${url}/console/jobs/${first}`);
    told.foreignJob = await other.getByRole('heading', { level: 1, name: 'No hay' }).textContent();
    await other.context().close();

    // A tab in the background draws once a second.
    await page.bringToFront();

    // New rows wait; nothing moves under the pointer.
    await submit(ana, 'segundo', 4000);
    told.newest = await page.getByRole('button', { name: '1 trabajo nuevo' }).textContent();
    told.rowsBefore = await page.locator('tbody tr').count();
    await page.getByRole('button', { name: '1 trabajo nuevo' }).click();
    await page.getByRole('link', { name: 'segundo' }).waitFor();

    // A second tab of the same user goes on by the same connection.
    const session = await page.evaluate(() => sessionStorage.getItem('avance.session'));
    const tab = await context.newPage();
    watch(tab);
    await tab.addInitScript((kept) => sessionStorage.setItem('avance.session', kept), session);
    await tab.goto(`${url}/console/jobs/${first}`);
    await tab.getByTestId('summary').getByText('En curso').waitFor();
    const admin = 'key-of-root-0001';
    told.connections = (await call('/v1/connections', admin)).connections.filter(
      ({ user }) => user === 'ana',
    ).length;

    // The network goes and comes back.
    const at = async () =>
      Number(
        await tab.getByTestId('summary').getByRole('progressbar').getAttribute('aria-valuenow'),
      );
    await context.setOffline(true);
    await tab.getByText('Este dispositivo no tiene conexión').waitFor();
    told.isDisabled = await tab.getByRole('button', { name: 'Cancelar' }).isDisabled();
    await picture(tab, 'offline');
    await context.setOffline(false);
    await tab.getByText('Este dispositivo no tiene conexión').waitFor({ state: 'detached' });
    const before = await at();
    await tab.waitForFunction((known) => {
      const bar = document.querySelector('[data-testid=summary] [role=progressbar]');
      return Number(bar?.getAttribute('aria-valuenow')) > known;
    }, before);
    told.goesOn = true;

    // The server restarts: the page keeps what it shows and goes on by itself.
    await ask('stop');
    await tab.getByText('Reconectando…').first().waitFor();
    told.asOf = await tab
      .getByTestId('summary')
      .getByText(/datos de \d/)
      .count();
    told.keptRows = await page.locator('tbody tr').count();
    await ask('start');
    await tab.getByText('En directo').first().waitFor();
    await tab
      .getByTestId('summary')
      .getByText(/En curso|En cola/)
      .waitFor();

    // Cancelled in one tab, cancelled in the other.
    await tab.getByRole('button', { name: 'Cancelar' }).click();
    await tab.getByTestId('summary').getByText('Cancelado').waitFor();
    await page.locator('tr', { hasText: 'de ana' }).getByText('Cancelado').waitFor();

    // The frames behind it.
    await tab.getByText('Mensajes', { exact: true }).click();
    await tab.getByRole('list', { name: 'Mensajes' }).getByText('"to":"cancelled"').waitFor();
    told.frames = true;

    // Many at once.
    await page.bringToFront();
    await page.getByRole('checkbox', { name: 'Seleccionar todos los visibles' }).check();
    told.selected = await page.getByText('2 seleccionados').textContent();
    await page.getByRole('button', { name: 'Cancelar', exact: true }).click();
    await page.getByText('Hecho en 1 trabajo.').waitFor();
    await page.locator('tr', { hasText: 'segundo' }).getByText('Cancelado').waitFor();
    await page.getByRole('checkbox', { name: 'Seleccionar todos los visibles' }).check();
    await page.getByRole('button', { name: 'Eliminar', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Eliminar' }).click();
    await page.getByText('Aún no hay trabajos').waitFor();

    // An administrator closes the connection, and the page says so.
    for (const { client, user } of (await call('/v1/connections', admin)).connections)
      if (user === 'ana') await call('/v1/connections/kick', admin, { client });
    await page.getByText('Un administrador ha cerrado esta conexión.').waitFor();
    await page.getByRole('button', { name: 'Volver a conectar' }).last().click();
    told.back = await page.getByText('En directo').first().textContent();
  },
);
