// Without a mouse: submit a job, watch it, cancel it, read the notification.
import { scenario } from './browser.mjs';

export const script = await scenario(import.meta.url, async ({ url, picture, told, open }) => {
  const page = await open({ locale: 'en-GB' });
  const keys = page.keyboard;
  const focused = () =>
    page.evaluate(() => {
      const one = document.activeElement;
      return one?.getAttribute('aria-label') ?? one?.textContent?.trim() ?? '';
    });
  const tabTo = async (wanted) => {
    for (let presses = 0; presses < 80; presses += 1) {
      if (wanted.test(await focused())) return;
      await keys.press('Tab');
    }
    throw new Error(`Tab did not reach ${wanted}; it stands on ${await focused()}`);
  };
  await page.goto(`${url}/console/`);
  await page.getByRole('heading', { level: 1, name: 'Now' }).waitFor();
  await keys.press('Tab');
  told.first = await focused();
  await keys.press('Enter');
  told.skipped = await page.evaluate(() => document.activeElement?.id);

  await keys.type('gt');
  await page.getByRole('combobox', { name: 'Task' }).waitFor();
  await page.getByRole('combobox', { name: 'Task' }).focus();
  await keys.type('demo.document');
  await page.getByRole('textbox', { name: 'pages' }).waitFor();
  await keys.press('Tab');
  while (
    !/pages/.test(await page.evaluate(() => document.activeElement?.labels?.[0]?.textContent ?? ''))
  )
    await keys.press('Tab');
  await keys.press('Control+a');
  await keys.type('4000');
  await tabTo(/^Submit$/);
  await keys.press('Enter');
  await page.getByRole('progressbar').waitFor();
  told.live = await page.locator('[aria-live=polite]').count();
  await keys.type('gj');
  await page.getByRole('heading', { level: 1, name: 'Jobs' }).waitFor();
  await page.getByRole('row').nth(1).waitFor();
  await keys.press('j');
  await keys.press('x');
  told.selected = await page.getByText('1 selected').textContent();
  await keys.press('Enter');
  await page.getByTestId('summary').getByText('Running').waitFor();
  await keys.press('c');
  await page.getByTestId('summary').getByText('Cancelled').waitFor();
  told.cancelled = true;
  told.announced = await page
    .locator('[role=status].visually-hidden')
    .filter({ hasText: /cancelled|changes/ })
    .textContent();

  // A toast goes by itself after a while.
  await page.evaluate(() => {
    window.toasts = new Set();
    new MutationObserver(() => {
      for (const one of document.querySelectorAll('.avance-toast')) window.toasts.add(one);
    }).observe(document.body, { childList: true, subtree: true });
  });
  await fetch(`${url}/v1/inbox`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user: 'dev', title: 'Read me by keyboard' }),
  });
  await page.getByRole('button', { name: 'Notifications, 1 unread' }).waitFor();
  await picture(page, 'toast');
  await page.waitForFunction(() => window.toasts.size > 0);
  told.toasts = await page.evaluate(() => window.toasts.size);
  // A push moved neither focus nor page.
  told.page = await page.getByRole('heading', { level: 1 }).textContent();
  await keys.type('gi');
  await page.getByRole('heading', { level: 1, name: 'Notifications' }).waitFor();
  await page.locator('[data-notice-title]').waitFor();
  await keys.press('j');
  told.notice = await focused();
  await keys.press('Enter');
  await page.getByRole('button', { name: 'Notifications, 0 unread' }).waitFor();
  told.read = true;
  await keys.press('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await keys.press('Escape');
  told.dialogs = await page.locator('dialog[open]').count();
});
