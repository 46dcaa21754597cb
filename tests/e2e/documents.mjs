// Documents as somebody uses them: node tests/e2e/documents.mjs <url> <screenshots> <folder of files>. Prints one JSON line.
import { readFile } from 'node:fs/promises';
import { violationsOf } from './axe.mjs';
import { scenario } from './browser.mjs';

export const script = await scenario(
  import.meta.url,
  async ({ url, picture, more: [files], told, open }) => {
    const page = await open({ bypassCSP: true });
    const requests = [];
    page.on('request', (request) =>
      requests.push(`${request.method()} ${new URL(request.url()).pathname}`),
    );
    const check = async (name) => {
      told.axe.push(...(await violationsOf(page)).map((one) => ({ name, ...one })));
      await picture(page, `documents-${name}`, { fullPage: true });
    };
    told.axe = [];
    // What a row says may be gone before anybody looks; an observer keeps it.
    await page.addInitScript(() => {
      window.said = [];
      new MutationObserver(() => {
        for (const one of document.querySelectorAll('[data-testid=stage], [data-testid=count]')) {
          const name = one.closest('li').querySelector('span').textContent;
          const line = `${name}: ${one.textContent}`;
          if (!window.said.includes(line)) window.said.push(line);
        }
      }).observe(document, { subtree: true, childList: true, characterData: true });
    });
    const row = (name) => page.locator('li', { has: page.getByRole('progressbar', { name }) });
    const drop = (...names) =>
      page.getByTestId('file-input').setInputFiles(names.map((name) => `${files}/${name}`));

    await page.goto(`${url}/console/documents`);
    await page.getByText('Aún no hay documentos').waitFor();
    told.empty = await page.getByRole('heading', { name: 'Historial de Documentos' }).count();
    await check('empty');

    // Somebody drags two files over the zone and lets go.
    const dropped = await page.evaluateHandle(
      ([long, lease]) => {
        const given = new DataTransfer();
        given.items.add(
          new File([Uint8Array.from(long)], 'informe.pdf', { type: 'application/pdf' }),
        );
        given.items.add(
          new File([Uint8Array.from(lease)], 'contrato.md', { type: 'text/markdown' }),
        );
        return given;
      },
      [
        [...(await readFile(`${files}/informe.pdf`))],
        [...(await readFile(`${files}/contrato.md`))],
      ],
    );
    const zone = page.getByRole('button', { name: 'Elegir archivos' }).locator('..');
    await zone.dispatchEvent('dragover', { dataTransfer: dropped });
    await zone.dispatchEvent('drop', { dataTransfer: dropped });
    await page.getByTestId('batch').getByText('2 de 2 completados').waitFor();
    told.said = await page.evaluate(() => window.said);
    told.percent = await row('informe.pdf').getByRole('progressbar').getAttribute('aria-valuenow');
    // The job was followed, not asked after.
    told.polls = requests.filter((one) => one.includes('/ingest/status')).length;
    const recent = page.getByRole('region', { name: 'Historial de Documentos' });
    await recent.getByRole('link', { name: 'informe.pdf' }).waitFor();
    told.recent = await recent.locator('li').allTextContents();
    await check('done');

    // Whoever watches all jobs sees these among them, each with its state, its bar and its work.
    const watching = await page.context().newPage();
    await watching.goto(`${url}/console/jobs?task=documents.ingest`);
    const watched = (name) => watching.locator('tbody tr', { hasText: name });
    await watched('informe.pdf').getByText('Completado').waitFor();
    await watched('contrato.md').getByText('Completado').waitFor();
    await watched('informe.pdf').getByRole('link', { name: 'informe.pdf' }).click();
    await watching.getByRole('heading', { name: 'Resultado' }).waitFor();
    told.watched = await watching.title();
    await watching.close();

    // Again, without a reload: the same bytes, and a type that is not read here.
    await drop('copia.md', 'foto.bmp');
    told.duplicate = await page.getByTestId('duplicate').textContent();
    told.unsupported = await row('foto.bmp').getByRole('alert').textContent();
    await page.getByRole('button', { name: 'Quitar los archivos terminados' }).click();
    told.cleared = await page.getByRole('progressbar').count();

    await page
      .getByRole('textbox', { name: 'Tu pregunta' })
      .fill('¿Qué dice la tasa portuaria de los veleros?');
    await page.getByRole('textbox', { name: 'Tu pregunta' }).press('Control+Enter');
    await page.getByRole('heading', { name: 'Fuentes' }).waitFor();
    told.answer = await page.getByText('No hay ningún modelo configurado').textContent();
    const source = page.locator('ol li').first();
    told.source = await source.getByRole('link').textContent();
    told.score = await source.locator('small').textContent();
    await check('answer');
    // The conversation and its time stand as before after a reload.
    const turn = page.getByRole('article', { name: /tasa portuaria/ });
    const seen = async () => [
      await turn.locator('time').getAttribute('datetime'),
      await turn.textContent(),
    ];
    told.before = await seen();
    await page.reload();
    await turn.waitFor();
    told.after = await seen();
    await source.getByRole('link').click();
    const cited = page.locator('[aria-current=true]', { hasText: 'Pasaje citado' });
    await cited.waitFor();
    told.cited = await cited.locator('p').textContent();
    told.isInView = await cited.evaluate(
      (one) => one.getBoundingClientRect().top < window.innerHeight,
    );
    await page.reload();
    await cited.waitFor();
    await check('passage');

    await page.getByRole('link', { name: 'Todos los documentos' }).first().click();
    await page.getByRole('cell', { name: 'contrato.md', exact: true }).waitFor();
    await check('list');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Guardar como CSV' }).click();
    told.csv = (await readFile(await (await download).path(), 'utf8')).split('\r\n').slice(0, 3);
    await page.getByRole('searchbox').fill('contra');
    await page.getByRole('button', { name: 'Buscar' }).click();
    await page
      .getByRole('cell', { name: 'informe.pdf', exact: true })
      .waitFor({ state: 'detached' });
    await page.getByRole('cell', { name: 'contrato.md', exact: true }).waitFor();
    told.found = await page.locator('tbody tr').count();
    await page.getByRole('button', { name: 'Eliminar contrato.md' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Eliminar' }).click();
    await page.getByText('Ningún documento lleva eso en su nombre').waitFor();
    await page.getByRole('link', { name: 'Mostrar todos' }).click();
    await page.getByRole('cell', { name: 'informe.pdf', exact: true }).waitFor();

    await page.getByRole('button', { name: 'Eliminar todos' }).click();
    const confirm = page.getByRole('dialog').getByRole('button', { name: 'Eliminar todos' });
    told.isGuarded = await confirm.isDisabled();
    await page.getByRole('dialog').getByRole('textbox').fill('ELIMINAR');
    await confirm.click();
    await page.getByText('Aún no hay documentos').waitFor();

    await page.getByRole('combobox', { name: 'Idioma' }).selectOption('en');
    told.english = await page.getByText('There are no documents yet').textContent();
    await page.setViewportSize({ width: 320, height: 640 });
    await page.goto(`${url}/console/documents`);
    await page.getByRole('button', { name: 'Ask', exact: true }).waitFor();
    told.overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
  },
);
