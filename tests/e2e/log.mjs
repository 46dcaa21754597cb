// A job that said very much: node tests/e2e/log.mjs <url> <folder> <lines>. Prints one JSON line.
import { scenario } from './browser.mjs';

export const script = await scenario(
  import.meta.url,
  async ({ url, picture, more: [wanted], told, open }) => {
    const answer = await fetch(`${url}/v1/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ task: 'rows.say', params: { count: Number(wanted) } }),
    });
    const { id } = await answer.json();
    const page = await open();
    await page.goto(`${url}/console/jobs/${id}`);
    await page.getByTestId('summary').getByText('Completado').waitFor();
    const log = page.getByRole('region', { name: 'Registro', exact: true });
    const lines = log.locator('li');
    // The end is what one sees first, and the beginning is there for whoever goes to it; never all of it at once.
    await log.getByText(`line ${wanted}`, { exact: true }).waitFor();
    await page.getByText(new RegExp(`^${Number(wanted).toLocaleString('es')} líneas$`)).waitFor();
    told.atEnd = await lines.count();
    await log.evaluate((box) => box.scrollTo({ top: 0 }));
    await log.getByText('line 1', { exact: true }).waitFor();
    told.atStart = await lines.count();
    await page.getByText('Curso de los intentos').click();
    await page.getByTestId('timeline').locator('li').first().waitFor();
    told.course = await page.getByTestId('timeline').locator('li').allTextContents();
    await picture(page, 'log', { fullPage: true });
  },
);
