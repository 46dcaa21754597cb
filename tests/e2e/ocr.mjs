// Documents as a reviewer reads them: node tests/e2e/ocr.mjs <url> <screenshots> <folder of files>. Prints one JSON line.
import { readFile } from 'node:fs/promises';
import { violationsOf } from './axe.mjs';
import { scenario } from './browser.mjs';

export const script = await scenario(
  import.meta.url,
  async ({ url, picture, more: [files], told, open }) => {
    const page = await open({ bypassCSP: true });
    told.axe = [];
    const check = async (name) => {
      told.axe.push(...(await violationsOf(page)).map((one) => ({ name, ...one })));
      await picture(page, `ocr-${name}`, { fullPage: true });
    };

    await page.goto(`${url}/console/ocr`);
    await page.getByText('Aún no hay documentos').waitFor();
    await check('empty');

    // From the drop to the result without a reload.
    await page.getByTestId('file-input').setInputFiles(`${files}/factura.png`);
    const row = page.locator('tbody tr', { hasText: 'factura.png' });
    await row.locator('[data-word=completed]').waitFor();
    told.row = await row.textContent();
    await check('list');
    await row.getByRole('link', { name: 'factura.png' }).press('Enter');

    // The picture with its words over it.
    const words = page.locator('svg[data-picture=yes] g text');
    await words.first().waitFor();
    told.words = (await words.allTextContents()).map((one) => one.trim());
    told.isInside = await page.locator('svg[data-picture=yes]').evaluate((svg) => {
      const all = svg.getBoundingClientRect();
      return [...svg.querySelectorAll('rect')].every((one) => {
        const box = one.getBoundingClientRect();
        return box.left >= all.left - 2 && box.right <= all.right + 2 && box.top >= all.top - 2;
      });
    });
    told.selected = await words.first().evaluate((one) => {
      getSelection().selectAllChildren(one);
      return getSelection().toString().trim();
    });
    told.unsure = await page.getByTestId('unsure').textContent();
    told.sure = await page.locator('form meter').count();
    await check('document');

    // Corrected and approved.
    const total = page.locator('input[name^="field."]').last();
    await total.fill('999,99');
    await page.getByRole('button', { name: 'Aprobar' }).click();
    await page.getByTestId('history').locator('li').first().waitFor();
    told.decision = await page.getByTestId('decision').textContent();
    told.history = await page.getByTestId('history').textContent();
    await page.reload();
    await page.locator('input[name^="field."]').last().waitFor();
    told.kept = await page.locator('input[name^="field."]').last().inputValue();
    await check('approved');

    told.saved = {};
    for (const [name, kind] of [
      ['PDF con búsqueda', 'pdf'],
      ['JSON', 'json'],
      ['CSV', 'csv'],
    ]) {
      const download = page.waitForEvent('download');
      await page.getByRole('button', { name }).click();
      const bytes = await readFile(await (await download).path());
      told.saved[kind] = bytes.subarray(0, 4).toString('latin1');
      if (kind === 'csv') told.csv = bytes.toString('utf8');
    }

    // Many pages, cancelled while they are read: each is drawn with its words as soon as it was.
    await page.goto(`${url}/console/ocr`);
    await page.getByTestId('file-input').setInputFiles(`${files}/largo.pdf`);
    await page.locator('tbody').getByRole('link', { name: 'largo.pdf' }).click();
    await words.first().waitFor();
    told.drawn = await page.locator('svg[data-picture=yes] image').evaluate(async (image) => {
      const drawn = new Image();
      drawn.src = image.getAttribute('href');
      await drawn.decode();
      const { width, height } = image.ownerSVGElement.viewBox.baseVal;
      return drawn.naturalWidth / drawn.naturalHeight / (width / height);
    });
    told.pdfWords = (await words.allTextContents()).map((one) => one.trim());
    await page.getByRole('button', { name: 'Cancelar' }).click();
    await page.getByRole('alert').waitFor();
    told.cancelled = await page.locator('[data-word=failed]').count();

    await page.getByRole('link', { name: 'Todos los documentos' }).click();
    await page.getByRole('link', { name: 'Fallido', exact: true }).click();
    await page.getByRole('link', { name: 'factura.png' }).waitFor({ state: 'detached' });
    await page.locator('tbody').getByRole('link', { name: 'largo.pdf' }).waitFor();
    told.failed = await page.locator('tbody tr').count();

    // In English, on a narrow dark page.
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.getByRole('combobox', { name: 'Idioma' }).selectOption('en');
    await page.setViewportSize({ width: 320, height: 640 });
    await page.goto(`${url}/console/ocr?status=pending`);
    await page.getByText('No document is in this state').waitFor();
    told.overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    await check('dark');
  },
);
