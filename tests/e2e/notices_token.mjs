// In token mode, with tokens that end: node tests/e2e/notices_token.mjs <url> <folder> <api key>. Prints one JSON line.
import { scenario } from './browser.mjs';

export const script = await scenario(import.meta.url, async ({ url, more: [key], told, open }) => {
  const page = await open();
  await page.goto(`${url}/retail/component`);
  const bell = page.getByRole('button', { name: /Notificaciones: 1 sin leer/ });
  await page.evaluate((apiKey) => {
    window.asked = 0;
    const element = document.querySelector('avance-notifications');
    element.removeAttribute('api-key');
    element.setAttribute('user-id', 'ana');
    // The first try fails, as a login page or a proxy may.
    element.token = async () => {
      window.asked += 1;
      if (window.asked === 1) throw new Error('no token now');
      const answer = await fetch('/v1/tokens', {
        method: 'POST',
        headers: { 'X-API-Key': apiKey, 'Content-Type': 'application/json' },
        body: '{}',
      });
      return (await answer.json()).token;
    };
  }, key);
  await bell.waitFor();
  await bell.click();
  told.first = await page.locator('avance-notifications li strong').first().textContent();
  const before = await page.evaluate(() => window.asked);
  await page.evaluate(() =>
    document.querySelector('avance-notifications').manager.socket.close(4000),
  );
  await page.waitForFunction(
    (known) =>
      window.asked > known && document.querySelector('avance-notifications').manager.isConnected,
    before,
  );
  told.is_asked_again = true;
  told.url = await page.evaluate(
    () => document.querySelector('avance-notifications').manager.socket.url,
  );
});
