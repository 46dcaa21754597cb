// School buses as a planner uses them: node tests/e2e/routes.mjs <url> <screenshots>. Prints one JSON line.
import { violationsOf } from './axe.mjs';
import { scenario } from './browser.mjs';

const CSV = `ruta;sentido;hora chegada;latitude;lonxitude;codigo centro
A;Entrada;08:30;42,60;-8,20;C1
A;Entrada;08:30;42,62;-8,22;C1
B;Entrada;09:30;42,61;-8,20;C1
B;Entrada;09:30;42,62;-8,22;C1
C;Cara arriba;09:30;42,61;-8,20;C1
`;
const stop = (lat, lon) => ({ lat, lon });
const BAD = [
  {
    id: 'uno',
    type: 'entry',
    arrival_time: '09:00',
    stops: [stop(42.6, -8.2), stop(42.65, -8.25)],
  },
  {
    id: 'dos',
    type: 'entry',
    arrival_time: '05:30',
    stops: [stop(42.6, -8.2), stop(42.65, -8.25)],
  },
  {
    id: 'uno',
    type: 'entry',
    arrival_time: '09:30',
    stops: [stop(42.6, -8.2), stop(42.65, -8.25)],
  },
];

export const script = await scenario(import.meta.url, async ({ url, picture, told, open }) => {
  const page = await open({ bypassCSP: true });
  told.axe = [];
  const check = async (name) => {
    told.axe.push(...(await violationsOf(page)).map((one) => ({ name, ...one })));
    await picture(page, `routes-${name}`, { fullPage: true });
  };
  const kpis = () => page.getByTestId('kpis');
  const addressOfPlan = () => page.waitForURL(/routes\/plans\//);

  // A file with a row that cannot be used.
  await page.goto(`${url}/console/routes`);
  await page
    .getByTestId('file-input')
    .setInputFiles({ name: 'dia.csv', mimeType: 'text/csv', buffer: Buffer.from(CSV) });
  await page.getByText('2 rutas leídas').waitFor();
  told.dropped = await page.getByRole('cell', { name: /fila/ }).textContent();
  await check('read');
  await page.getByRole('button', { name: 'Planificar los autobuses' }).click();
  await addressOfPlan();
  await kpis().waitFor();
  told.small = await kpis().textContent();

  // Why, in words.
  await page.getByRole('button', { name: 'Explicar' }).click();
  told.why = await page.getByText(/uno es lo mínimo/).textContent();

  // What if one route were not there.
  const before = page.url();
  await page.locator('form select').last().selectOption('A');
  await page.getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Planificar de nuevo' }).click();
  await page.waitForURL((address) => /plans/.test(String(address)) && String(address) !== before);
  await kpis().waitFor();
  await page.getByText('Como tabla').click();
  told.left = await page.getByRole('cell', { name: 'B', exact: true }).count();

  // What could not be planned says so in the words of the screen.
  await page.goto(`${url}/console/routes`);
  await page.getByTestId('file-input').setInputFiles({
    name: 'dia.json',
    mimeType: 'application/json',
    buffer: Buffer.from(JSON.stringify(BAD)),
  });
  await page.getByRole('button', { name: 'Planificar los autobuses' }).click();
  await addressOfPlan();
  await kpis().waitFor();
  told.unassigned = await page.getByText(/tendría que salir antes de las 06:00/).count();
  told.finding = await page.getByText('El identificador ya existe').count();
  await check('findings');

  // A made-up day, live, with pictures.
  await page.goto(`${url}/console/routes`);
  await page.getByRole('button', { name: /Mediano/ }).click();
  await addressOfPlan();
  await page.getByText(/autobuses encontrados/).waitFor();
  await kpis().waitFor();
  told.bars = await page.locator('svg rect[class*=entry], svg rect[class*=exit]').count();
  told.lines = await page.locator('svg polyline').count();
  told.files = await page.getByRole('link', { name: 'XLSX' }).getAttribute('href');
  const saved = await page.request.get(new URL(told.files, page.url()).href);
  told.saved = saved.status();
  await check('plan');

  // A large one, cancelled: the best plan stays.
  await page.goto(`${url}/console/routes`);
  await page.getByRole('button', { name: /Grande/ }).click();
  await addressOfPlan();
  // Its buses are drawn while a better plan is searched for, and again when there is one.
  const live = page.getByTestId('live-gantt');
  const drawn = page.locator('[data-revision]');
  await live.locator('rect').first().waitFor();
  const revision = Number(await drawn.getAttribute('data-revision'));
  told.liveBars = await live.locator('rect[class*=entry], rect[class*=exit]').count();
  told.liveFrom = revision;
  told.liveText = await live.getAttribute('aria-label');
  await page.getByRole('button', { name: /Cancelar/ }).click();
  await page.getByText('Cancelado; este es el mejor plan hasta entonces.').waitFor();
  told.kept = await page.locator('svg rect[class*=entry], svg rect[class*=exit]').count();
});
