// Two users, each in a browser context of their own: node tests/e2e/notices.mjs <url> <folder>. Prints one JSON line. The process that runs
// it stops and starts the server when it is asked to.
import { scenario } from './browser.mjs';

export const script = await scenario(
  import.meta.url,
  async ({ url, told, ask, watch, browser }) => {
    told.frames = [];
    told.violations = [];
    const complaints = (page) => {
      watch(page);
      page.on('console', (message) => {
        if (/Content Security Policy/i.test(message.text())) told.violations.push(message.text());
      });
    };
    // A context of its own is to a page what another browser is: nothing is shared.
    const open = async (user, path = '/retail/') => {
      const context = await browser.newContext({
        locale: 'es-ES',
        viewport: { width: 1000, height: 800 },
        reducedMotion: 'reduce',
      });
      const page = await context.newPage();
      complaints(page);
      page.on('websocket', (socket) => told.frames.push(socket.url()));
      await page.goto(`${url}${path}?user=${user}&key=dev`);
      return page;
    };
    const send = async (fields) => {
      const answer = await fetch(`${url}/api/notifications/send`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          user_id: 1,
          notification_type: 'stock_alert',
          priority: 'high',
          subject: 'Stock bajo',
          message: 'Producto A stock es bajo',
          ...fields,
        }),
      });
      return (await answer.json()).notification_id;
    };
    const connected = (page) => page.locator('#status', { hasText: /^connected$/ }).waitFor();
    const counter = (page, count) =>
      page
        .locator('[data-notification-count]', { hasText: new RegExp(`^${count}$`) })
        .first()
        .waitFor();
    const toasts = (page) => page.locator('.avance-toast');

    const began = Date.now();
    const one = await open(1);
    await connected(one);
    told.connect_ms = Date.now() - began;
    const two = await open(2);
    await connected(two);
    told.sockets = told.frames.map((each) => new URL(each).pathname);

    // A toast for user 1 and none for user 2.
    await send({});
    await toasts(one).first().waitFor();
    told.toast = await toasts(one).first().textContent();
    told.colour = await toasts(one)
      .first()
      .evaluate((toast) => getComputedStyle(toast).borderLeftColor);
    await send({ user_id: 2, subject: 'Only for two' });
    await toasts(two).first().waitFor();
    told.foreign_toasts = await two.locator('.avance-toast', { hasText: 'Stock bajo' }).count();
    told.toasts_of_two = await toasts(two).count();

    // The counter, in a second tab of the same browser as well.
    for (let number = 2; number <= 5; number += 1) await send({ subject: `Stock bajo ${number}` });
    await counter(one, 5);
    told.counter = await one.locator('[data-notification-count]').first().textContent();
    const tab = await one.context().newPage();
    watch(tab);
    await tab.goto(`${url}/retail/?user=1&key=dev`);
    await counter(tab, 5);
    told.toasts_of_the_second_tab = await toasts(tab).count();
    await tab.getByRole('button', { name: 'Read' }).first().click();
    await counter(one, 4);
    await counter(tab, 4);
    told.stored = await one.evaluate(() => ({
      count: localStorage.getItem('notification_unread_count:1'),
      newest: JSON.parse(localStorage.getItem('notifications_local:1')).length,
    }));
    // biome-ignore lint/performance/useDomNodeTextContent: what a reader sees, without the page's scripts
    told.undefined = await one.evaluate(() => document.body.innerText.includes('undefined'));
    await tab.close();

    // Another device: what was delivered here is in its list, without toasts; what it deletes goes here.
    const device = await open(1);
    await counter(device, 4);
    await device.locator('#list li').nth(4).waitFor();
    told.listed_elsewhere = await device.locator('#list li').count();
    told.toasts_elsewhere = await toasts(device).count();
    const gone = await one.evaluate(() =>
      window.manager.notifications.find((each) => each.status !== 'read'),
    );
    await fetch(`${url}/api/notifications/${gone.notification_id}?user_id=1`, { method: 'DELETE' });
    for (const page of [one, device]) {
      await counter(page, 3);
      await page.waitForFunction(() => document.querySelectorAll('#list li').length === 4);
    }
    await device.context().close();

    // What a sender wrote is text, whatever it looks like.
    const evil = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';
    const crafted = await send({ subject: evil, message: evil });
    const shown = one.locator(`.avance-toast[data-notification-id="${crafted}"]`);
    await shown.waitFor();
    told.crafted = (await shown.locator('strong').textContent()) === evil;
    told.made = await one.locator('.avance-toast img, .avance-toast script, #list img').count();

    // A tab that nobody looks at shows its toasts once it is looked at.
    const hide = (hidden) =>
      one.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { get: () => value, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      }, hidden);
    await hide(true);
    const unseen = await send({ subject: 'Behind' });
    await counter(one, 5);
    told.toasts_behind = await one.locator(`[data-notification-id="${unseen}"]`).count();
    await hide(false);
    await one.locator(`.avance-toast[data-notification-id="${unseen}"]`).waitFor();
    told.pwned = await one.evaluate(() => window.pwned ?? null);
    for (const id of [crafted, unseen]) {
      await fetch(`${url}/api/notifications/${id}?user_id=1`, { method: 'DELETE' });
    }
    await counter(one, 3);
    await send({ subject: 'Stock bajo 6' });
    await counter(one, 4);

    // Away: stored, and there on return.
    await one.context().setOffline(true);
    await one.evaluate(() => window.manager.socket.close(4000));
    await one.locator('#status', { hasText: 'disconnected' }).waitFor();
    told.grey = await one.locator('[data-notification-bell]').evaluate((bell) => bell.style.filter);
    // What is read meanwhile is told to the server on return.
    await one.getByRole('button', { name: 'Read' }).first().click();
    await send({ subject: 'While away' });
    await one.context().setOffline(false);
    await one.locator('.avance-toast', { hasText: 'While away' }).waitFor();
    await counter(one, 4);

    // The server goes away and comes back; thirty attempts fail in between.
    await one.clock.install();
    await ask('stop');
    await one.locator('#status', { hasText: 'disconnected' }).waitFor();
    told.delays = [];
    for (let attempt = 0; attempt < 30; attempt += 1) {
      await one.waitForFunction(
        () => window.manager.retryTimer !== null && window.manager.socket === null,
      );
      const before = await one.evaluate(() => window.manager.attempts);
      await one.clock.fastForward(31_000);
      await one.waitForFunction((known) => window.manager.attempts > known, before);
    }
    told.attempts = await one.evaluate(() => window.manager.attempts);
    await ask('start');
    await one.waitForFunction(() => window.manager.retryTimer !== null);
    await one.evaluate(() => dispatchEvent(new Event('online')));
    await connected(one);
    await one.clock.resume();
    const last = await send({ subject: 'Back again' });
    await one.locator(`[data-notification-id="${last}"]`).waitFor();

    // A page that comes by TLS: the socket does, too.
    const safe = await one.context().newPage();
    await safe.route('https://shop.example/**', async (route) => {
      const answer = await fetch(route.request().url().replace('https://shop.example', url));
      const headers = { 'content-type': answer.headers.get('content-type') };
      await route.fulfill({ body: await answer.text(), headers });
    });
    const opened = safe.waitForEvent('websocket');
    await safe.goto('https://shop.example/retail/component');
    told.safe = (await opened).url();
    await safe.close();

    // The component.
    const element = await one.context().newPage();
    complaints(element);
    await element.goto(`${url}/retail/component`);
    const bell = element.getByRole('button', { name: /Notificaciones: 5 sin leer/ });
    await bell.waitFor();
    await bell.click();
    told.component = await element.locator('avance-notifications li').first().textContent();
    await element.getByRole('button', { name: 'Marcar como leída' }).first().click();
    await element.getByRole('button', { name: /Notificaciones: 4 sin leer/ }).waitFor();
    // Another user by its attribute is another connection, and taken out of the page it is none.
    await element.evaluate(() =>
      document.querySelector('avance-notifications').setAttribute('user-id', '2'),
    );
    await element.getByRole('button', { name: /Notificaciones: 1 sin leer/ }).waitFor();
    told.left_open = await element.evaluate(() => {
      const bell = document.querySelector('avance-notifications');
      const { manager } = bell;
      bell.remove();
      return !manager.isStopped;
    });
  },
);
