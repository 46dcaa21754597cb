import { readFileSync } from 'node:fs';
import { Centrifuge } from 'centrifuge';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createAvance } from '../src/index.ts';
import { emptyEntry, takeEvent } from '../src/reduce.ts';
import type { JobChannelEvent, JobsChannelEvent } from '../src/wire.ts';
import { FakeServer } from './support/fakeServer.ts';

const ROOT = new URL('../../../', import.meta.url);

interface Vectors {
  replies: { name: string; json: string }[];
  deltas: { name: string; base: string; target: string; patch: string | null }[];
}

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

/** The examples of the reference, which the Python tests read too. */
function examples(): { job: JobChannelEvent[]; list: JobsChannelEvent[] } {
  const page = read('docs/en/reference/events.md');
  const [onJob = '', onList = ''] = page.split(/^## On `jobs:#<user>`$/m);
  const parse = <T>(text: string): T[] =>
    [...text.matchAll(/```json\n(.*?)\n```/gs)].map(([, json]) => JSON.parse(json ?? '') as T);
  // What follows the jobs is of another system.
  return { job: parse(onJob), list: parse(onList.split(/^## /m)[0] ?? '') };
}

const { replies, deltas } = JSON.parse(read('tests/vectors/wire.json')) as Vectors;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test('each example of the reference says to this client what it says', () => {
  const { job } = examples();
  const snapshot = job.find((event) => event.type === 'snapshot');
  if (snapshot?.type !== 'snapshot') throw new Error('the reference has no snapshot');
  const types = new Set(job.map((event) => event.type));
  expect(types.size).toBe(10);
  const entry = takeEvent(emptyEntry(snapshot.job_id), snapshot);
  expect(entry.job).toEqual(snapshot.job);
  for (const event of job) {
    const told = { ...event, seq: snapshot.seq + 1 };
    const { job: after, logs, streams } = takeEvent(entry, told);
    switch (told.type) {
      case 'snapshot':
        break;
      case 'state':
        expect(after?.state).toBe(told.to);
        break;
      case 'progress':
        expect(after?.progress).toEqual(told.progress);
        break;
      case 'phase':
        expect(after?.phases?.find(({ id }) => id === told.id)?.state).toBe(told.state);
        break;
      case 'log':
        expect(logs[0]?.message).toBe(told.message);
        break;
      case 'data':
        expect(streams[told.name]?.[0]?.chunk).toEqual(told.chunk);
        break;
      case 'result':
        expect(after?.result).toEqual(told.result);
        break;
      case 'error':
        expect(after?.error).toEqual(told.error);
        break;
      case 'meta':
        expect(after?.meta).toEqual(told.meta);
        break;
      case 'child':
        expect(after?.children).toMatchObject({ total: told.total, failed: told.failed });
        break;
      default:
        throw new Error(`the reference has an event that nobody reads: ${JSON.stringify(told)}`);
    }
  }
});

test('each example of the list of jobs is taken', async () => {
  const { list } = examples();
  expect(new Set(list.map((event) => event.type))).toEqual(new Set(['job', 'removed', 'snapshot']));
  const server = new FakeServer();
  const client = createAvance({
    url: 'http://server.test',
    transport: 'ws',
    isShared: false,
    fetch: server.fetch,
    centrifuge: { websocket: server.WebSocket },
  });
  const ref = client.jobs.list();
  ref.subscribe(() => undefined);
  await vi.advanceTimersByTimeAsync(0);
  const seen: number[] = [];
  for (const [index, event] of list.entries()) {
    for (const socket of server.sockets)
      socket.push('jobs:#ana', { data: event, offset: index + 1 });
    await vi.advanceTimersByTimeAsync(0);
    seen.push(ref.get().jobs.length);
  }
  // One job is told, and then that it is gone.
  expect(seen).toEqual([1, 0, 0]);
  client.close();
});

test.each(replies)('the stock client takes the reply: $name', async ({ json }) => {
  const server = new FakeServer();
  const errors: unknown[] = [];
  const client = new Centrifuge('ws://server.test', { websocket: server.WebSocket });
  client.on('error', (context) => errors.push(context));
  client.connect();
  await vi.advanceTimersByTimeAsync(0);
  // Nobody asked for it, so it changes nothing; what cannot be read would end the connection.
  for (const socket of server.sockets) socket.onmessage?.({ data: json });
  await vi.advanceTimersByTimeAsync(0);
  expect(errors).toEqual([]);
  client.disconnect();
});

test.each(deltas)('a patch gives what was sent: $name', async ({ base, target, patch }) => {
  const server = new FakeServer();
  server.job('j1');
  const client = new Centrifuge('ws://server.test', { websocket: server.WebSocket });
  const subscription = client.newSubscription('job:j1', { delta: 'fossil' });
  const told: unknown[] = [];
  subscription.on('publication', ({ data }) => told.push(data));
  subscription.subscribe();
  server.delta = true;
  client.connect();
  await vi.advanceTimersByTimeAsync(0);
  told.length = 0;
  for (const socket of server.sockets) {
    socket.push('job:j1', { data: base, offset: 2 });
    socket.push('job:j1', {
      data: patch ?? target,
      offset: 3,
      ...(patch === null ? {} : { delta: true }),
    });
  }
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual([JSON.parse(base), JSON.parse(target)]);
  client.disconnect();
});
