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
const daily = (id, arrival_time, days) => ({
  ...{ id, type: 'entry', arrival_time, days, capacity_needed: 20 },
  stops: [stop(42.6, -8.2), stop(42.65, -8.25)],
});
// Two depots, one vehicle at each, for three routes of which two can follow each other.
const WITH_DEPOTS = {
  routes: [daily('A', '08:30'), daily('B', '08:30'), daily('C', '10:30')],
  vehicles: [
    { id: 'norte', count: 1, seats: 25, depot: { name: 'Norte', lat: 42.8, lon: -8.2 } },
    { id: 'sur', count: 1, seats: 25, depot: { name: 'Sur', lat: 42.4, lon: -8.2 } },
  ],
};
const DAYS = ['Lunes', 'Martes', 'Miércoles', 'Jueves', 'Viernes'];
// So many routes that no machine has their last plan before it is cancelled.
const MANY = 600;
const busy = (days) =>
  Array.from({ length: MANY }, (_, n) => ({
    ...daily(`R${n}`, `${8 + (n % 3)}:${10 + ((n * 7) % 50)}`, days),
    stops: [
      stop(42.4 + ((n * 37) % 500) / 1000, -8.4 + ((n * 61) % 400) / 1000),
      stop(42.4 + ((n * 53) % 500) / 1000, -8.4 + ((n * 17) % 400) / 1000),
    ],
  }));
const WEEK = [daily('A', '08:30', ['L', 'X', 'V']), daily('B', '08:30', ['V'])];

export const script = await scenario(import.meta.url, async ({ url, picture, told, open }) => {
  const page = await open({ bypassCSP: true });
  told.axe = [];
  const check = async (name) => {
    told.axe.push(...(await violationsOf(page)).map((one) => ({ name, ...one })));
    await picture(page, `routes-${name}`, { fullPage: true });
  };
  const kpis = () => page.getByTestId('kpis');
  const bring = async (value) => {
    await page.goto(`${url}/console/routes`);
    await page.getByTestId('file-input').setInputFiles({
      name: 'dia.json',
      mimeType: 'application/json',
      buffer: Buffer.from(JSON.stringify(value)),
    });
  };
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
  await bring(BAD);
  await page.getByRole('button', { name: 'Planificar los autobuses' }).click();
  await addressOfPlan();
  await kpis().waitFor();
  told.unassigned = await page.getByText(/tendría que salir antes de las 06:00/).count();
  told.finding = await page.getByText('El identificador ya existe').count();
  await check('findings');

  // Vehicles that stand at depots: on the map, and by name in chart, table and reasons.
  await bring(WITH_DEPOTS);
  await page.getByText('2 vehículos').waitFor();
  await page.getByRole('button', { name: 'Planificar los autobuses' }).click();
  await addressOfPlan();
  await kpis().waitFor();
  told.depots = await page.getByTestId('depots').getByRole('listitem').allTextContents();
  told.marks = await page.locator('svg rect[class*=depot]').count();
  told.pulls = await page.getByTestId('gantt').locator('rect[class*=pull]').count();
  told.labels = await page
    .getByTestId('gantt')
    .locator('text', { hasText: 'B00' })
    .allTextContents();
  told.used = await kpis().textContent();
  told.robust = await page.getByTestId('robustness').textContent();
  await page.getByText('Como tabla').click();
  const first = page.locator('details tbody tr').first();
  told.row = await first.getByRole('cell').allTextContents();
  await page.getByLabel('Ruta', { exact: true }).first().fill('A');
  await page.getByRole('button', { name: 'Explicar' }).click();
  told.stands = await page.getByText(/está en la cochera/).textContent();
  await page
    .locator('section', { has: page.locator('svg[class*=map]') })
    .getByRole('combobox')
    .selectOption('B001');
  told.runs = await page.locator('svg polyline[class*=run]').count();
  await check('depots');

  // Days of a week, each with a bar and a plan of its own.
  await bring(WEEK);
  await page.getByRole('checkbox', { name: 'Lunes (1)' }).check();
  await page.getByRole('checkbox', { name: 'Viernes (2)' }).check();
  await page.getByRole('button', { name: 'Planificar 2 días' }).click();
  const days = page.locator('tr[data-day]');
  await page.getByText('Máximo de autobuses en un día: 2').waitFor();
  await days.locator('span[data-state=completed]').nth(1).waitFor();
  told.week = await days.evaluateAll((rows) =>
    rows.map((row) => [row.cells[0].textContent, row.cells[3].textContent]),
  );
  await check('week');
  await page.getByRole('link', { name: 'Abrir el plan: Viernes' }).click();
  await addressOfPlan();
  await kpis().waitFor();
  told.friday = await kpis().textContent();
  await page.getByRole('link', { name: 'La semana' }).click();
  await days.nth(1).waitFor();

  // Five bars under one, and none of them goes on when it is cancelled.
  await bring(busy(['L', 'M', 'Mc', 'X', 'V']));
  for (const day of DAYS) {
    await page.getByRole('checkbox', { name: `${day} (${MANY})` }).check();
  }
  await page.getByRole('button', { name: 'Planificar 5 días' }).click();
  await days.getByRole('progressbar').nth(4).waitFor();
  told.bars5 = await days.getByRole('progressbar').count();
  await page.getByRole('button', { name: 'Cancelar todos los días' }).click();
  await page.waitForFunction(() =>
    [...document.querySelectorAll('tr[data-day] span[data-state]')].every(({ dataset }) =>
      ['completed', 'cancelled'].includes(dataset.state),
    ),
  );
  told.cancelled = await page.locator('tr[data-day] span[data-state=cancelled]').count();
  told.alerts = await page.getByRole('alert').count();

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

  // By another goal: what it costs by that, and what it sends into the air.
  await page.goto(`${url}/console/routes`);
  await page.getByRole('combobox', { name: 'Objetivo' }).selectOption('minimize_emissions');
  await page.getByRole('button', { name: /Pequeño/ }).click();
  await addressOfPlan();
  await kpis().waitFor();
  told.weighed = await kpis().textContent();

  // A large one, cancelled: the best plan stays.
  await bring(busy());
  await page.getByRole('button', { name: 'Planificar los autobuses' }).click();
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
