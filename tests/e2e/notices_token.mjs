// In token mode, with tokens that end: node tests/e2e/notices_token.mjs <url> <api key>. Prints one JSON line.
import { chromium } from 'playwright-core';

const [url, key] = process.argv.slice(2);
const patience = 30_000 * Number(process.env.AVANCE_TEST_TIMEOUT_FACTOR ?? 1);
const browser = await chromium.launch({
  executablePath: process.env.AVANCE_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
const told = { errors: [] };
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(patience);
  page.on('pageerror', (error) => told.errors.push(String(error)));
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
} finally {
  await browser.close();
}
process.stdout.write(`${JSON.stringify(told)}\n`);
process.exit(0);
