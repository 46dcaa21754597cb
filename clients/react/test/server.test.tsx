// @vitest-environment node
import { createAvance } from '@avance/client';
import { version } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, test } from 'vitest';
import {
  AvanceProvider,
  ConnectionBadge,
  JobList,
  JobProgress,
  useConnection,
  useJob,
  useJobStream,
  useSubmit,
  useWebSocket,
} from '../src/index.ts';

function Page(): React.ReactNode {
  const { isPending } = useJob('j1', { logs: 5 });
  const { text } = useJobStream('j1', 'tokens');
  const { isSubmitting } = useSubmit('shop.ingest');
  const { status } = useConnection();
  const socket = useWebSocket({ jobId: 'j1' });
  return <p>{JSON.stringify({ isPending, text, isSubmitting, status, socket: socket.status })}</p>;
}

test('everything renders on a server, which has neither window nor network', () => {
  expect(globalThis.window).toBeUndefined();
  const client = createAvance({
    url: 'http://server.test',
    fetch: () => Promise.reject(new Error('a server-side render asked the network')),
  });
  const html = renderToString(
    <AvanceProvider client={client} locale="es">
      <Page />
      <JobProgress job="j1" />
      <JobList />
      <ConnectionBadge />
    </AvanceProvider>,
  );
  expect(html).toContain('&quot;isPending&quot;:true');
  expect(html).toContain('&quot;status&quot;:&quot;connecting&quot;');
  expect(html).toContain('Cargando…');
});

test('the React that is tested is the one that the project names', () => {
  expect(version.split('.')[0]).toBe(process.env.REACT_MAJOR);
});
