// A shop as somebody runs it: node tests/e2e/retail.mjs <url> <screenshots>. Prints one JSON line.
import { violationsOf } from './axe.mjs';
import { scenario } from './browser.mjs';

const CSV = `sku;name;stock;threshold;price
CAFE-1;Café de Colombia;12;5;7,50
TE-1;Té verde;40;10;3,20
MALO-1;Sin existencias válidas;muchas;1;1
`;

export const script = await scenario(import.meta.url, async ({ url, picture, told, open }) => {
  const page = await open({ bypassCSP: true });
  told.axe = [];
  const check = async (name) => {
    told.axe.push(...(await violationsOf(page)).map((one) => ({ name, ...one })));
    await picture(page, `retail-${name}`, { fullPage: true });
  };
  const go = (path) => page.goto(`${url}/console/retail${path}`);

  // A file with a row that cannot be used.
  await go('');
  await page.getByText('Aún no hay productos').waitFor();
  await check('empty');
  await page
    .getByTestId('file-input')
    .setInputFiles({ name: 'tienda.csv', mimeType: 'text/csv', buffer: Buffer.from(CSV) });
  await page.getByText('Se han importado 2 productos').waitFor();
  const findings = page.getByRole('region', { name: 'Se ha descartado 1 fila' });
  told.finding = await findings.locator('tbody tr').allTextContents();
  await page.getByRole('link', { name: 'Té verde' }).waitFor();
  await check('stock');

  // Goods go out: the alert comes live into a second page that nobody touches.
  // In a window of its own: a page behind another one draws once a second.
  const second = await open();
  await second.goto(`${url}/console/retail/notices?show=unread`);
  const alert = second.locator('article', { hasText: 'Café de Colombia: stock is low' });
  await page.getByRole('link', { name: 'Café de Colombia' }).click();
  await page.getByLabel('Cantidad (negativa: salida)').fill('-8');
  await page.getByLabel('Motivo').fill('Venta');
  await page.getByLabel('Motivo').press('Enter');
  await page.getByText('Ahora hay 4 en stock.').waitFor();
  await alert.waitFor();
  told.low = await page.getByTestId('product').textContent();
  told.movement = await page.locator('tbody tr').first().textContent();

  // More than there is: refused, and what was typed stays.
  await page.getByLabel('Cantidad (negativa: salida)').fill('-50');
  await page.getByRole('button', { name: 'Anotar' }).click();
  await page.getByRole('alert').waitFor();
  told.refused = await page.getByLabel('Cantidad (negativa: salida)').inputValue();
  await check('product');

  // An order, made ready.
  await page.getByRole('spinbutton', { name: 'Cantidad', exact: true }).fill('2');
  await page.getByRole('button', { name: 'Pedir', exact: true }).click();
  await second.locator('article', { hasText: 'Order 1: 2 × Café de Colombia' }).waitFor();
  await go('/orders');
  await page.getByRole('button', { name: 'Preparar el pedido 1' }).click();
  await page.getByRole('cell', { name: 'Listo' }).waitFor();
  await second.locator('article', { hasText: 'Order 1 is ready' }).waitFor();
  await check('orders');
  await go('?low=1');
  await page.getByRole('link', { name: 'Café de Colombia' }).waitFor();
  told.lowOnes = await page.locator('tbody tr').count();

  // Read, unread, put away, put off; how it went out.
  await go('/notices');
  const item = page.locator('li', {
    has: page.locator('article', { hasText: 'Café de Colombia: stock is low' }),
  });
  await item.getByRole('button', { name: /Marcar como leída/ }).click();
  await item.getByRole('button', { name: /Marcar como no leída/ }).waitFor();
  await alert.waitFor({ state: 'detached' });
  await item.getByRole('button', { name: /Marcar como no leída/ }).click();
  await item.getByRole('button', { name: /Marcar como leída/ }).waitFor();
  await item.getByText('Envíos').click();
  await item.locator('details li, details p').first().waitFor();
  told.deliveries = await item.locator('details').textContent();
  await check('notices');
  await item.getByRole('button', { name: /Posponer una hora/ }).click();
  await item.waitFor({ state: 'detached' });
  await page.getByRole('link', { name: 'Pospuestas' }).click();
  await item.waitFor();
  await page.getByRole('link', { name: 'Todas', exact: true }).click();
  const ready = page.locator('li', {
    has: page.locator('article', { hasText: 'Order 1 is ready' }),
  });
  await ready.getByRole('button', { name: /Archivar/ }).click();
  await ready.waitFor({ state: 'detached' });
  await page.getByRole('link', { name: 'Archivadas' }).click();
  await ready.waitFor();
  await page.getByRole('combobox', { name: 'Tipo' }).selectOption('price_change');
  await ready.waitFor({ state: 'detached' });
  await page.getByText('No hay nada aquí').waitFor();

  // What to be told: kept over a reload.
  await go('/preferences');
  const box = page.getByRole('checkbox', { name: 'Cambio de precio: Correo' });
  await box.uncheck();
  await page.getByRole('button', { name: 'Guardar' }).click();
  await page.getByText('Se han guardado las preferencias.').waitFor();
  await page.reload();
  await box.waitFor();
  told.isOn = await box.isChecked();
  told.others = await page.locator('tbody input:checked').count();
  await check('preferences');
  await page.getByRole('button', { name: 'Horas de silencio, resúmenes y direcciones' }).click();
  await page.getByRole('dialog').getByRole('combobox').first().waitFor();
  await check('dialog');
  await page.keyboard.press('Escape');

  // In English, on a narrow dark page.
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.getByRole('combobox', { name: 'Idioma' }).selectOption('en');
  await page.setViewportSize({ width: 320, height: 640 });
  await go('');
  await page.getByText('Low stock').or(page.getByText('Enough')).first().waitFor();
  told.overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  await check('dark');
});
