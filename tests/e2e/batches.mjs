// Many files under one name: node tests/e2e/batches.mjs <url> <screenshots> <folder of files>. Prints one JSON line.
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
      await picture(page, `batches-${name}`, { fullPage: true });
    };
    const state = page.getByTestId('batch-state');
    const counts = async () =>
      (await page.locator('[data-testid=counts] dd').allTextContents()).join(' ');
    const create = async (name, collection) => {
      await page.goto(`${url}/console/documents/batches`);
      await page.getByRole('textbox', { name: 'Nombre' }).fill(name);
      await page.getByRole('combobox', { name: 'Colección' }).fill(collection);
      await page.getByRole('button', { name: 'Crear' }).click();
      await page.getByRole('heading', { level: 1, name }).waitFor();
    };
    const drop = (...names) =>
      page.getByTestId('file-input').setInputFiles(names.map((name) => `${files}/${name}`));

    await page.goto(`${url}/console/documents/batches`);
    await page.getByText('Aún no hay lotes').waitFor();
    await create('Actas', 'actas');
    told.created = (await state.textContent()).slice(2);

    // Each file moves by itself, and one that lies about what it is leaves the others alone.
    await drop('acta-1.md', 'acta-2.md', 'acta-3.md', 'acta-4.md', 'roto.pdf');
    await state.getByText('Completado en parte').waitFor();
    told.counts = await counts();
    const broken = page.locator('li', { has: page.getByRole('progressbar', { name: 'roto.pdf' }) });
    await page.reload();
    await state.getByText('Completado en parte').waitFor();
    told.afterReload = await counts();
    told.bars = await page.getByRole('progressbar', { name: /acta|roto/ }).evaluateAll((bars) =>
      bars
        .map((bar) => bar.ariaValueNow)
        .sort()
        .reverse(),
    );
    told.why = await broken.locator('p').last().textContent();

    // Read again, alone and with all that failed: another job each time, which is followed to its end, and one file as before.
    told.jobs = [await broken.getAttribute('data-job')];
    // However fast it fails again, the page reads once that it is under way; and both tries make as many steps.
    const underWay = async (route) => {
      const standing = await (await route.fetch()).json();
      standing.batch.status = 'processing';
      standing.statistics = { ...standing.statistics, processing: 1, failed: 0 };
      for (const file of standing.documents) {
        if (file.status === 'failed') file.status = 'processing';
      }
      await route.fulfill({ json: standing });
    };
    for (const name of ['Reintentar roto.pdf', 'Reintentar los fallidos']) {
      await page.route('**/batch/*/status*', underWay, { times: 1 });
      await page.getByRole('button', { name }).click();
      await page.waitForFunction((known) => {
        const row = document.querySelector('li[data-stage=failed][data-job]');
        return row && !known.includes(row.dataset.job);
      }, told.jobs);
      told.jobs.push(await broken.getAttribute('data-job'));
    }
    await state.getByText('Completado en parte').waitFor();
    told.stillCounted = await counts();
    await check('done');

    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Guardar como CSV' }).click();
    told.csv = (await readFile(await (await download).path(), 'utf8')).trim().split('\r\n');
    const third = page.locator('li', { has: page.getByRole('progressbar', { name: 'acta-3.md' }) });
    await third.getByRole('link', { name: 'Abrir' }).click();
    told.passage = (await page.locator('ol li p').first().textContent()).split('\n').at(-1);

    // What takes long is followed, and ended.
    await create('Libros', 'libros');
    await drop('acta-1.md', 'largo.md');
    await page.locator('li[data-stage=completed]', { hasText: 'acta-1.md' }).waitFor();
    // The first may have ended before the second has come, and with it the batch.
    await state.getByText('Leyendo').waitFor();
    // In the batch: the one that tells how far it is sent may still be there.
    told.underWay = await page
      .locator('li[data-job]')
      .getByRole('progressbar', { name: 'largo.md' })
      .count();
    await page.getByRole('button', { name: 'Cancelar el lote' }).click();
    await state.getByText('Completado en parte').waitFor();
    told.cancelled = (await state.textContent()).slice(2);

    await page.getByRole('link', { name: 'Lotes', exact: true }).click();
    const row = (name) => page.locator('tbody tr', { hasText: name });
    await row('Libros').waitFor();
    await row('Actas').waitFor();
    await check('list');
    await row('Libros').getByRole('button', { name: 'Eliminar el lote Libros' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Eliminar' }).click();
    await row('Libros').waitFor({ state: 'detached' });
    told.listed = await page.locator('tbody tr td:first-child').allTextContents();

    // Collections: how one is searched, what is in it, and a question to it.
    await page.getByRole('link', { name: 'Colecciones', exact: true }).click();
    const weight = page.getByRole('spinbutton', { name: /Peso del significado en actas/ });
    await weight.fill('40');
    await page.getByRole('button', { name: 'Guardar el peso de actas' }).click();
    await page.getByText('Se ha cambiado actas.').waitFor();
    await page.reload();
    told.shelf = await weight.inputValue();
    await check('collections');
    // An empty one is made, and one with documents is deleted.
    await page.getByRole('textbox', { name: 'Nombre de una colección nueva' }).fill('vacia');
    await page.getByRole('button', { name: 'Crear' }).click();
    told.empty = await row('vacia').locator('td').nth(1).textContent();
    // It gets another name, but none that another one has.
    const rename = async (name) => {
      await page.getByRole('textbox', { name: 'Nombre nuevo' }).fill(name);
      await page.getByRole('dialog').getByRole('button', { name: 'Guardar' }).click();
    };
    await page.getByRole('button', { name: 'Renombrar la colección libros' }).click();
    await rename('vacia');
    told.taken = await page.getByRole('dialog').getByRole('alert').textContent();
    await rename('novelas');
    await row('novelas').waitFor();
    told.oldName = await row('libros').count();
    await row('novelas').getByRole('button', { name: 'Eliminar la colección novelas' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Eliminar' }).click();
    await row('novelas').waitFor({ state: 'detached' });
    told.shelves = await page.locator('tbody tr').count();
    await row('actas').getByRole('link', { name: 'actas', exact: true }).click();
    await page.getByRole('cell', { name: 'acta-1.md', exact: true }).waitFor();
    told.inCollection = await page.locator('tbody tr').count();
    told.picked = await page.getByRole('combobox', { name: 'Colección' }).inputValue();
    await page.getByRole('link', { name: 'Colecciones', exact: true }).click();
    await row('actas').getByRole('link', { name: 'Añadir y preguntar aquí' }).click();
    told.chosen = await page.getByRole('combobox', { name: 'Colección' }).inputValue();
    await page
      .getByRole('textbox', { name: 'Tu pregunta' })
      .fill('¿Cuándo llega el pienso número 3?');
    await page.getByRole('button', { name: 'Preguntar', exact: true }).click();
    told.answered = await page.locator('ol li').first().getByRole('link').textContent();

    // Files of a repository: an address that is none, one that is not there, and one that is.
    await create('Pueblo', 'pueblo');
    const address = page.getByLabel('O los archivos de un repositorio público de GitHub');
    const fetchFrom = async (repository) => {
      await address.fill(repository);
      await page.getByRole('button', { name: 'Traer' }).click();
    };
    await fetchFrom('https://example.org/pueblo/actas');
    told.noRepository = await page.getByRole('alert').textContent();
    await fetchFrom('https://github.com/pueblo/nada');
    told.notFound = await page.getByTestId('batch-summary').textContent();
    await fetchFrom('https://github.com/pueblo/actas');
    await state.getByText(/Completado$/).waitFor();
    told.fetched = (await page.locator('li[data-stage=completed]').allTextContents()).length;
    await check('repository');

    await page.setViewportSize({ width: 320, height: 640 });
    for (const path of ['batches', 'collections']) {
      await page.goto(`${url}/console/documents/${path}`);
      await page.locator('tbody tr').first().waitFor();
      told.overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      if (told.overflow > 0) break;
    }
  },
);
