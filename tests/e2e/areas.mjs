// The screens that the shipped systems add to the console, as the console itself knows them, so that a new one is met too.
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createServer } from 'vite';

const CONSOLE = new URL('../../console/', import.meta.url).pathname;

/** The patterns of those that a server with these apps serves: `/documents/list/:id`. */
export async function areaScreens(apps) {
  // The one beside the sources belongs to `make dev`, which another test runs at the same time.
  const cacheDir = `${tmpdir()}/avance-areas-${process.pid}`;
  const vite = await createServer({
    root: CONSOLE,
    appType: 'custom',
    logLevel: 'error',
    cacheDir,
    optimizeDeps: { noDiscovery: true },
    server: { middlewareMode: true, watch: null, ws: false },
  });
  try {
    const { AREAS } = await vite.ssrLoadModule('/src/areas/registry.ts');
    const served = new Set(apps.map(({ name }) => name));
    return AREAS.filter(({ needs }) => served.has(needs)).flatMap(({ name, screens }) =>
      screens.map(({ path }) => `/${name}${path === '/' ? '' : path}`),
    );
  } finally {
    await vite.close();
    rmSync(cacheDir, { recursive: true, force: true });
  }
}

/** Something to show on the screens that name one thing. Each gives the id for its address. */
const THINGS = {
  '/documents/list/:id': async ({ url, api, ended }) => {
    const form = new FormData();
    form.append('file', new Blob(['El pienso llega el martes.']), 'pedido.txt');
    const sent = await fetch(`${url}/ingest`, { method: 'POST', body: form });
    await ended((await sent.json()).job_id);
    return (await api('/ingest/history')).documents[0].id;
  },
  '/documents/batches/:id': async ({ url, api, ended }) => {
    const { batch_id } = await api('/batch/create', { name: 'Facturas de marzo' });
    const form = new FormData();
    form.append('files', new Blob(['El trigo llega el jueves.']), 'trigo.txt');
    form.append('files', new Blob(['GIF89a']), 'foto.gif');
    const sent = await fetch(`${url}/batch/${batch_id}/upload`, { method: 'POST', body: form });
    await ended((await sent.json())[0].job_id);
    return batch_id;
  },
  '/ocr/documents/:id': async ({ url, api, ended, browser }) => {
    const page = await browser.newPage({ viewport: { width: 900, height: 400 } });
    await page.setContent('<h1>FACTURA 2026-0117</h1><h2>Total factura 121,00 €</h2>');
    const form = new FormData();
    form.append('files[]', new Blob([await page.screenshot()]), 'factura.png');
    await page.close();
    const sent = await fetch(`${url}/api/ocr/upload`, { method: 'POST', body: form });
    const { id } = (await sent.json()).data.documents[0];
    await ended((await api(`/api/ocr/document/${id}`)).data.jobId);
    return id;
  },
  '/retail/products/:sku': async ({ api }) => {
    const product = { sku: 'CAFE-1', name: 'Café de Colombia', stock: 4, threshold: 5 };
    await api('/api/retail/products', product);
    await api('/api/retail/orders', { sku: product.sku, quantity: 1 });
    await api(`/api/retail/products/${product.sku}/movements`, { quantity: -1, reason: 'Venta' });
    return product.sku;
  },
  '/routes/plans/:id': async ({ api, ended }) => {
    const { routes } = await api('/routes/sample?size=small');
    const depot = { name: 'Norte', lat: 42.8, lon: -8.2 };
    const vehicles = [{ id: 'cualquiera', count: 20, depot }];
    const { job_id } = await api('/routes/optimize', { routes, vehicles, mode: 'buses' });
    return ended(job_id);
  },
  '/routes/weeks/:id': async ({ api, ended }) => {
    const { routes } = await api('/routes/sample?size=small');
    const some = routes.slice(0, 2).map((route) => ({ ...route, days: ['L', 'X'] }));
    const { job_id } = await api('/optimize-week', { routes: some, mode: 'buses' });
    return ended(job_id);
  },
};

/** What stands on a screen once its data has come; on the others their title. */
const SHOWN = {
  '/documents': 'section ul li a',
  '/documents/batches': 'tbody tr',
  '/documents/batches/:id': 'li[data-stage=failed]',
  '/documents/collections': 'tbody tr',
  '/documents/list': 'tbody tr',
  '/documents/list/:id': 'ol li p',
  '/ocr': 'tbody tr',
  '/ocr/documents/:id': 'svg[data-picture=yes] g text',
  '/retail': 'tbody tr',
  '/retail/notices': 'article',
  '/retail/orders': 'tbody tr',
  '/retail/products/:sku': 'tbody tr',
  '/routes/plans/:id': '[data-testid=depots]',
  '/routes/weeks/:id': 'tr[data-day] span[data-state=completed]',
};

export function shownOn(path) {
  return SHOWN[path] ?? 'h1';
}

/** The address of a screen with a thing on it; without one it shows what it says of an unknown thing. */
export async function addressOf(path, server) {
  if (!path.includes(':')) return path;
  const id = THINGS[path] ? await THINGS[path](server) : 'unknown';
  return path.replace(/:\w+/g, id);
}
