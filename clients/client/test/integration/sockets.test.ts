import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import WebSocket from 'ws';
import { createAvance } from '../../src/index.ts';
import { createUploads, type DocumentStatus, openOcrSocket } from '../../src/sockets.ts';
import { RealServer } from './server.ts';

const server = new RealServer('open');

beforeAll(async () => {
  vi.stubGlobal('WebSocket', WebSocket);
  await server.start();
});
afterAll(async () => {
  vi.unstubAllGlobals();
  await server.remove();
});

test('a real server takes an upload and tells its course to the end (003-19)', async () => {
  const uploads = createUploads(createAvance({ url: server.url }));
  const content = 'El pienso para gatos llega el martes. '.repeat(50);
  const started = await uploads.startUpload({
    collection_name: 'pedidos',
    documents: [{ content, source: 'pedido.txt' }],
    force_recreate: true,
  });
  const percents: number[] = [];
  const last = await uploads.follow(started.upload_id, {
    onProgress: ({ progress_percent }) => percents.push(progress_percent),
  });
  expect(last).toMatchObject({ status: 'completed', progress_percent: 100 });
  expect(percents).toEqual([...percents].sort((a, b) => a - b));
  await expect(uploads.follow(crypto.randomUUID())).rejects.toMatchObject({
    code: 'upload_refused',
  });
});

test('a real server answers the socket of character recognition (004-17)', async () => {
  const told = await new Promise<DocumentStatus>((resolve, reject) => {
    const socket = openOcrSocket({
      url: `${server.url.replace('http', 'ws')}/dev`,
      onDocumentStatus: (status) => {
        socket.disconnect();
        resolve(status);
      },
      onDisconnected: ({ code }) => reject(new Error(`closed with ${code}`)),
      log: (_, frame) => reject(new Error(JSON.stringify(frame))),
    });
    const ask = setInterval(() => {
      if (socket.getDocumentStatus('nobody')) clearInterval(ask);
    }, 20);
  });
  expect(told).toMatchObject({ type: 'document_status', documentId: 'nobody' });
});
