// The screens that the shipped systems add to the console, as the console itself knows them, so that a new one is met too.
import { createServer } from 'vite';

const CONSOLE = new URL('../../console/', import.meta.url).pathname;

/** The patterns of those that a server with these apps serves: `/documents/list/:id`. */
export async function areaScreens(apps) {
  const vite = await createServer({
    root: CONSOLE,
    appType: 'custom',
    logLevel: 'error',
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
  '/routes/plans/:id': async ({ api, ended }) => {
    const { routes } = await api('/routes/sample?size=small');
    const { job_id } = await api('/routes/optimize', { routes, mode: 'buses' });
    return ended(job_id);
  },
};

/** The address of a screen with a thing on it; without one it shows what it says of an unknown thing. */
export async function addressOf(path, server) {
  if (!path.includes(':')) return path;
  const id = THINGS[path] ? await THINGS[path](server) : 'unknown';
  return path.replace(/:\w+/g, id);
}
