// @vitest-environment node
import { createAvance } from '@avance/client';
import { version } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, test } from 'vitest';
import {
  AvanceProvider,
  Bell,
  ConnectionBadge,
  Inbox,
  JobList,
  JobProgress,
  Toaster,
  UploadList,
  useConnection,
  useJob,
  useJobStream,
  usePreferences,
  useSubmit,
  useUnread,
  useUploads,
  useWebSocket,
} from '../src/index.ts';

function Page(): React.ReactNode {
  const { isPending } = useJob('j1', { logs: 5 });
  const { text } = useJobStream('j1', 'tokens');
  const { isSubmitting } = useSubmit('shop.ingest');
  const { status } = useConnection();
  const socket = useWebSocket({ jobId: 'j1' });
  const { isLoading } = usePreferences();
  const { unread } = useUnread();
  const uploads = useUploads({ send: () => Promise.reject(new Error('there is no file')) });
  const told = { isPending, text, isSubmitting, status, socket: socket.status, isLoading, unread };
  return (
    <>
      <p>{JSON.stringify(told)}</p>
      <UploadList uploads={uploads} />
    </>
  );
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
      <Inbox />
      <Bell />
      <Toaster />
    </AvanceProvider>,
  );
  expect(html).toContain('&quot;isPending&quot;:true');
  expect(html).toContain('&quot;status&quot;:&quot;connecting&quot;');
  expect(html).toContain('Cargando…');
  expect(html).toContain('&quot;isLoading&quot;:true,&quot;unread&quot;:0');
  expect(html).toContain('avance-toasts');
});

test('the React that is tested is the one that the project names', () => {
  expect(version.split('.')[0]).toBe(process.env.REACT_MAJOR);
});
