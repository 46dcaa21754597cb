import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createAvance } from '../src/index.ts';
import {
  createUploads,
  type OcrSocket,
  openOcrSocket,
  type UploadProgress,
} from '../src/sockets.ts';
import { ScriptedSocket } from './support/scriptedSocket.ts';

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', ScriptedSocket);
  ScriptedSocket.reset();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

async function pass(ms = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

describe('the socket of character recognition', () => {
  const url = 'ws://server.test/dev';
  const subscribe = { type: 'subscribe_documents' };

  test('tries again each 5 s, at most 5 times, and counts anew once it was open (004-15)', async () => {
    const onDisconnected = vi.fn();
    openOcrSocket({ url, onDisconnected });
    await pass();
    ScriptedSocket.isUp = false;
    ScriptedSocket.last.end(1006);
    await pass(4 * 5_000);
    expect(ScriptedSocket.opened).toHaveLength(5);
    ScriptedSocket.isUp = true;
    await pass(5_000);
    expect(ScriptedSocket.last.readyState).toBe(1);
    expect(onDisconnected).not.toHaveBeenCalled();
    ScriptedSocket.isUp = false;
    ScriptedSocket.last.end(1006);
    await pass(4_999);
    expect(ScriptedSocket.opened).toHaveLength(6);
    await pass(1 + 4 * 5_000);
    expect(ScriptedSocket.opened).toHaveLength(11);
    expect(onDisconnected).toHaveBeenCalledWith({ code: 1006, reason: '' });
    await pass(600_000);
    expect(ScriptedSocket.opened).toHaveLength(11);
  });

  test('subscribes again on every open (004-15)', async () => {
    openOcrSocket({ url });
    await pass();
    ScriptedSocket.last.end(1001);
    await pass(5_000);
    expect(ScriptedSocket.opened.map(({ sent }) => sent)).toEqual([[subscribe], [subscribe]]);
  });

  test('sends only while it is open, and logs types that it does not know (004-16)', async () => {
    const log = vi.fn();
    const socket = openOcrSocket({ url, log });
    expect(socket.isOpen).toBe(false);
    expect(socket.ping()).toBe(false);
    await pass();
    expect(ScriptedSocket.last.sent).toEqual([subscribe]);
    ScriptedSocket.last.tell({ type: 'pong', timestamp: '2025-01-22T10:30:00Z' });
    expect(log).not.toHaveBeenCalled();
    ScriptedSocket.last.tell({ type: 'weather' });
    ScriptedSocket.last.tell('no json');
    expect(log.mock.calls).toEqual([
      ['unknown frame', { type: 'weather' }],
      ['unknown frame', 'no json'],
    ]);
    ScriptedSocket.last.end(1006);
    expect(socket.getDocumentStatus('d1')).toBe(false);
    expect(ScriptedSocket.last.sent).toEqual([subscribe]);
  });

  test('asks, pings, disconnects, and calls back with documentId, status and ocrResult (004-17)', async () => {
    const told: unknown[] = [];
    const socket: OcrSocket = openOcrSocket({
      url: async () => url,
      onDocumentUpdate: ({ documentId, status, ocrResult }) =>
        told.push([documentId, status, ocrResult?.confidence]),
      onDocumentStatus: ({ documentId, message }) => told.push([documentId, message]),
    });
    await pass();
    expect(socket.getDocumentStatus('d1')).toBe(true);
    expect(socket.ping()).toBe(true);
    const asked = { type: 'get_document_status', documentId: 'd1' };
    expect(ScriptedSocket.last.sent).toEqual([subscribe, asked, { type: 'ping' }]);
    const ocrResult = { success: true, confidence: 95, extractedText: '…', fields: {} };
    const frame = { documentId: 'd1', timestamp: '2025-01-22T10:30:00Z' };
    ScriptedSocket.last.tell({ ...frame, type: 'document_update', status: 'completed', ocrResult });
    ScriptedSocket.last.tell({ ...frame, type: 'document_status', message: 'requested' });
    expect(told).toEqual([
      ['d1', 'completed', 95],
      ['d1', 'requested'],
    ]);
    socket.disconnect();
    expect(ScriptedSocket.last.readyState).toBe(3);
    await pass(600_000);
    expect(ScriptedSocket.opened).toHaveLength(1);
  });

  test('does not come back where it is refused', async () => {
    const onDisconnected = vi.fn();
    openOcrSocket({ url, onDisconnected });
    await pass();
    ScriptedSocket.last.end(1008, 'not allowed');
    await pass(600_000);
    expect(ScriptedSocket.opened).toHaveLength(1);
    expect(onDisconnected).toHaveBeenCalledWith({ code: 1008, reason: 'not allowed' });
  });
});

describe('uploads', () => {
  const started = { upload_id: 'u1', status: 'received', message: '…', timestamp: 1 };
  const frame = (status: string, progress_percent: number, more: object = {}): UploadProgress => ({
    upload_id: 'u1',
    status,
    progress_percent,
    current_chunk: 0,
    total_chunks: 0,
    message: status,
    timestamp: '2025-01-22T10:30:00.000000+00:00',
    ...more,
  });

  function make(fetch: typeof globalThis.fetch): ReturnType<typeof createUploads> {
    return createUploads(createAvance({ url: 'https://server.test', token: 'a.b.c', fetch }));
  }

  test('starts one, opens its socket, and on completed closes it and gives success (003-19)', async () => {
    const asked: [string, unknown][] = [];
    const api = make(async (url, init) => {
      asked.push([String(url), JSON.parse(String(init?.body))]);
      return Response.json(started);
    });
    const documents = [{ content: 'El pienso llega el martes.', source: 'pedido.txt' }];
    const wanted = { collection_name: 'pedidos', documents, force_recreate: true };
    const { upload_id } = await api.startUpload(wanted);
    expect(asked).toEqual([['https://server.test/upload', wanted]]);
    const percents: number[] = [];
    const done = api.follow(upload_id, {
      onProgress: ({ progress_percent }) => percents.push(progress_percent),
    });
    await pass();
    expect(ScriptedSocket.last.url).toBe('wss://server.test/ws/u1?token=a.b.c');
    for (const one of [frame('received', 0), frame('chunking', 40), frame('completed', 100)]) {
      ScriptedSocket.last.tell(one);
    }
    await expect(done).resolves.toMatchObject({ status: 'completed' });
    expect(percents).toEqual([0, 40, 100]);
    expect(ScriptedSocket.last.readyState).toBe(3);
  });

  test('waits on the socket as long as it takes, and after a cut does not go back (003-17)', async () => {
    const api = make(async () => Response.json(started));
    const percents: number[] = [];
    const done = api.follow('u1', {
      onProgress: ({ progress_percent }) => percents.push(progress_percent),
    });
    await pass();
    ScriptedSocket.last.tell(frame('embedding', 60));
    await pass(24 * 3_600_000);
    expect(ScriptedSocket.opened).toHaveLength(1);
    ScriptedSocket.last.end(1006);
    await pass(1_000);
    for (const one of [frame('received', 0), frame('embedding', 60), frame('completed', 100)]) {
      ScriptedSocket.last.tell(one);
    }
    await expect(done).resolves.toMatchObject({ progress_percent: 100 });
    expect(percents).toEqual([60, 60, 100]);
  });

  test('gives a start 300 s to be answered (003-14)', async () => {
    const api = make(
      (_, init) =>
        new Promise((_resolve, reject) => {
          init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
        }),
    );
    const settled = vi.fn();
    const start = api.startUpload({ documents: [] });
    start.catch(settled);
    await pass(299_999);
    expect(settled).not.toHaveBeenCalled();
    await pass(1);
    expect(settled.mock.calls[0]?.[0]).toMatchObject({ code: 'timeout' });
  });

  test('throws what the server said of one that failed, or that is not there', async () => {
    const api = make(async () => Response.json(started));
    const failed = api.follow('u1');
    await pass();
    ScriptedSocket.last.tell(frame('failed', 40, { error: 'the PDF is broken' }));
    await expect(failed).rejects.toMatchObject({ code: 'upload_failed' });
    const absent = api.follow('u2');
    await pass();
    ScriptedSocket.last.end(4404, 'unknown upload');
    await expect(absent).rejects.toThrow('unknown upload');
  });

  test('stops following when it is told to', async () => {
    const api = make(async () => Response.json(started));
    const abort = new AbortController();
    const followed = api.follow('u1', { signal: abort.signal });
    await pass();
    abort.abort(new Error('the page was left'));
    await expect(followed).rejects.toThrow('the page was left');
    expect(ScriptedSocket.last.readyState).toBe(3);
  });
});
