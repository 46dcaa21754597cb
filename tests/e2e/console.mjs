// Drive the console in a real browser: node tests/e2e/console.mjs <url> <screenshot folder>. Prints one JSON line.
import { writeFileSync } from 'node:fs';
import { scenario } from './browser.mjs';

export const script = await scenario(
  import.meta.url,
  async ({ url, folder, picture, told, open }) => {
    told.percents = [];
    const page = await open();
    await page.goto(`${url}/`);
    await page.getByRole('heading', { level: 1, name: 'Ahora' }).waitFor();
    told.home = page.url();
    await page.getByText('No hay nada en curso.').waitFor();
    await page.getByRole('link', { name: 'Trabajos', exact: true }).click();
    await page.getByText('Aún no hay trabajos').waitFor();
    await picture(page, 'empty');

    await page.getByRole('link', { name: 'Probar', exact: true }).click();
    await page.getByRole('combobox', { name: 'Tarea' }).selectOption('demo.gated');
    const gate = `${folder}/gate`;
    await page.getByRole('textbox', { name: 'gate' }).fill(gate);
    await page.getByRole('textbox', { name: 'pages' }).fill('muchas');
    await page.getByRole('button', { name: 'Enviar' }).click();
    told.problem = await page.getByText('Escribe un número entero').textContent();
    await page.getByRole('textbox', { name: 'pages' }).fill('30');
    await page.getByRole('button', { name: 'Enviar' }).click();
    const bar = page.getByRole('progressbar');
    const card = page.locator('[data-job]');
    await bar.waitFor();
    const read = async () => Number(await bar.getAttribute('aria-valuenow'));
    await page.waitForFunction(() => {
      const now = Number(
        document.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow'),
      );
      return now > 0 && now < 100;
    });
    told.percents.push(await read());
    await picture(page, 'try');
    writeFileSync(gate, '');
    await card.getByText('Completado').waitFor();
    told.percents.push(await read());

    // The same job as each protocol tells it, side by side.
    await card.getByText('Mensajes', { exact: true }).click();
    const log = card.getByRole('list', { name: 'el registro de eventos' });
    await log.getByText('"to":"completed"').waitFor();
    told.sides = await card.getByTestId('sides').locator('code:not(li code)').allTextContents();

    await card.getByRole('link').click();
    await page.getByRole('heading', { name: 'Resultado' }).waitFor();
    await page.reload();
    told.result = JSON.parse(
      await page.locator('section', { hasText: 'Resultado' }).locator('pre').textContent(),
    );
    told.title = await page.title();
    await page.getByText('stored').waitFor();
    await picture(page, 'job', { fullPage: true });
    await page.getByText('Entrada', { exact: true }).click();
    told.input = JSON.parse(await page.locator('details[open] pre').textContent());

    // What somebody just asked for and failed is said at once.
    await page.getByRole('link', { name: 'Probar', exact: true }).click();
    await page.getByRole('combobox', { name: 'Tarea' }).selectOption('demo.fail');
    await page.getByRole('textbox', { name: 'times' }).fill('3');
    await page.getByRole('button', { name: 'Enviar' }).click();
    told.alert = await page.getByRole('alert').textContent();

    // Filters stand in the address.
    await page.getByRole('link', { name: 'Trabajos', exact: true }).click();
    await page.getByRole('link', { name: 'Completados' }).click();
    await page.keyboard.press('f');
    await page.getByRole('combobox', { name: 'Tarea' }).fill('demo.gated');
    await page.getByRole('button', { name: 'Filtrar' }).click();
    await page.waitForURL(/task=/);
    told.address = page.url().slice(url.length);
    await page.getByRole('link', { name: 'report.pdf' }).waitFor();
    told.filtered = await page.locator('tbody tr').count();
    await page.getByRole('textbox', { name: 'Etiqueta' }).fill('ninguna');
    await page.getByRole('button', { name: 'Filtrar' }).click();
    told.none = await page.getByText('Ningún trabajo cumple este filtro').textContent();

    await page.getByRole('combobox', { name: 'Idioma' }).selectOption('en');
    await page.getByRole('combobox', { name: 'Theme' }).selectOption('dark');
    await page.getByRole('link', { name: 'Jobs', exact: true }).click();
    await page.getByRole('cell', { name: 'Completed', exact: true }).waitFor();
    told.language = await page.locator('html').getAttribute('lang');
    await picture(page, 'jobs-dark');
    await page.goto(`${url}/console/jobs/job_unknown`);
    await page.getByRole('heading', { name: 'There is no job with this id' }).waitFor();
    await page.setViewportSize({ width: 320, height: 640 });
    await page.goto(`${url}/console/jobs`);
    await page.getByRole('cell', { name: 'Completed', exact: true }).waitFor();
    told.overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    await picture(page, 'narrow');
  },
);
