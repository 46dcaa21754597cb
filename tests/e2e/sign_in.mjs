// Sign in with an API key, stay signed in over a reload, be asked again when the session has ended.
import { scenario } from './browser.mjs';

export const script = await scenario(
  import.meta.url,
  async ({ url, picture, more: [key], told, open }) => {
    const page = await open();
    await page.goto(`${url}/console/jobs`);
    const secret = page.getByLabel('Token o clave de API');
    await secret.fill('wrong');
    await page.getByRole('button', { name: 'Entrar' }).click();
    told.refused = await page.getByText('El servidor no lo acepta').textContent();
    await picture(page, 'sign-in');
    await secret.fill(key);
    await page.getByRole('button', { name: 'Entrar' }).click();
    await page.getByRole('heading', { name: 'Trabajos' }).waitFor();
    told.live = await page.getByText('En directo').textContent();
    told.kept = await page.evaluate(() => Object.keys(sessionStorage));
    told.secretIsKept = await page.evaluate(
      (given) => JSON.stringify({ ...sessionStorage, ...localStorage }).includes(given),
      key,
    );
    await page.reload();
    told.afterReload = await page.getByRole('heading', { name: 'Trabajos' }).textContent();

    // The same as an hour of sleep: the token that was kept is good no more.
    await page.evaluate(async (apiKey) => {
      await fetch('/v1/tokens/revoke', {
        method: 'POST',
        headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
        body: JSON.stringify({ token: sessionStorage.getItem('avance.session') }),
      });
    }, key);
    await page.reload();
    told.expired = await page.getByText('La sesión ha caducado').textContent();
    await secret.fill(key);
    await page.getByRole('button', { name: 'Entrar' }).click();
    // Of a conversation nothing stays for whoever uses the tab next.
    await page.getByRole('heading', { name: 'Trabajos' }).waitFor();
    await page.evaluate(() => history.pushState(null, '', '/console/documents'));
    await page.getByRole('textbox', { name: 'Tu pregunta' }).fill('¿Cuánto cobra Eva?');
    await page.getByRole('button', { name: 'Preguntar', exact: true }).click();
    await page.getByRole('article', { name: '¿Cuánto cobra Eva?' }).waitFor();
    const kept = () => page.evaluate(() => Object.keys(sessionStorage));
    told.keptWhileIn = (await kept()).length;
    await page.getByRole('button', { name: 'Cerrar sesión' }).click();
    told.left = await page.getByText('Has cerrado la sesión').textContent();
    told.keptWhenLeft = await kept();
  },
);
