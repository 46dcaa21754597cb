import { EventSource } from 'eventsource';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import {
  type AvanceClient,
  type AvanceOptions,
  createAvance,
  type JobEntry,
  type JobRef,
  NotFound,
  TaskFailed,
  Unauthenticated,
} from '../../src/index.ts';
import { RealServer } from './server.ts';

const open = new RealServer('open');
const closed = new RealServer('token');
const clients: AvanceClient[] = [];

beforeAll(() => Promise.all([open.start(), closed.start()]));
afterAll(() => Promise.all([open.remove(), closed.remove()]));
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

function make(server: RealServer, options: AvanceOptions = {}): AvanceClient {
  const centrifuge = { websocket: WebSocket, eventsource: EventSource };
  const client = createAvance({ url: server.url, isShared: false, centrifuge, ...options });
  clients.push(client);
  return client;
}

/** Follow until an entry fits. */
function until<R>(ref: JobRef<R>, fits: (entry: JobEntry<R>) => boolean): Promise<JobEntry<R>> {
  return new Promise((resolve) => {
    const stop = ref.subscribe(() => check());
    const check = (): void => {
      const entry = ref.get();
      if (!fits(entry)) return;
      stop();
      resolve(entry);
    };
    check();
  });
}

function isLive({ epoch }: JobEntry): boolean {
  return epoch !== '';
}

async function watch(ref: JobRef): Promise<() => void> {
  const stop = ref.subscribe(() => undefined);
  await until(ref, isLive);
  return stop;
}

test.each(['auto', 'ws', 'http_stream', 'sse'] as const)(
  'what was followed by %s is what the server has',
  async (transport) => {
    const client = make(open, { transport });
    const gate = open.gate();
    const ref = await client.submit<{ total: number }>('test.steps', { gate, total: 3 });
    const stop = await watch(ref);
    for (const step of [0, 1, 2, 'end'] as const) open.open(gate, step);
    expect(await ref.done()).toEqual({ total: 3, attempt: 1 });
    const entry = ref.get();
    const { job: followed } = entry;
    expect(client.connection.get().status).toBe('live');
    expect(followed).toEqual(await client.api.job(ref.id));
    expect(entry.streams.tokens?.map((part) => part.chunk)).toEqual(['t0', 't1', 't2']);
    await ref.loadHistory();
    expect(ref.get().logs.map((line) => line.message)).toEqual(['begun']);
    stop();
  },
);

test('a server that is killed and comes back loses nothing: the job ends, the bar never goes back', async () => {
  const client = make(open);
  const gate = open.gate();
  const ref = await client.submit<{ attempt: number }>('test.steps', { gate, total: 4 });
  const percents: number[] = [];
  const statuses: string[] = [];
  client.connection.subscribe(() => statuses.push(client.connection.get().status));
  ref.subscribe(() => percents.push(ref.get().job?.progress.percent ?? 0));
  const done = ref.done();
  open.open(gate, 0);
  open.open(gate, 1);
  await until(ref, ({ job }) => (job?.progress.current ?? 0) >= 2);
  await open.kill();
  await open.start();
  for (const step of [2, 3, 'end'] as const) open.open(gate, step);
  expect(await done).toEqual({ total: 4, attempt: 2 });
  expect(percents).toEqual([...percents].sort((a, b) => a - b));
  expect(statuses).toEqual(expect.arrayContaining(['live', 'recovering']));
  // The end is told by what was missed, a moment before the subscription says that it is whole again.
  await expect.poll(() => statuses.at(-1)).toBe('live');
  const { max_attempts: _, ...followed } = ref.get().job ?? { max_attempts: 0 };
  // How many attempts there may be is not told by events, and a lost worker raises it.
  const { max_attempts: __, ...stored } = await client.api.job(ref.id);
  expect(followed).toEqual(stored);
  const tokens = ref.get().streams.tokens;
  expect(tokens?.map((part) => [part.attempt, part.chunk])).toEqual(
    ['t0', 't1', 't2', 't3'].map((chunk) => [2, chunk]),
  );
});

describe('the ends of a job', () => {
  test('a failure after its retries has the error of the last attempt', async () => {
    const client = make(open);
    const ref = await client.submit('test.fails');
    const error = await ref.done().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TaskFailed);
    expect((error as TaskFailed).message).toBe('attempt 2 was meant to fail');
    const { traceback: _, ...told } = ref.get().job?.error ?? { traceback: null };
    const { error: stored } = await client.api.job(ref.id);
    expect(stored).toMatchObject(told);
    expect(ref.get().job?.progress.percent).toBe(50);
  });

  test('a cancel is final for who cancels and for who only looks', async () => {
    const client = make(open);
    const looking = make(open);
    const gate = open.gate();
    const ref = await client.submit('test.steps', { gate });
    const looked = looking.job(ref.id);
    await watch(looked);
    await ref.cancel();
    const { job } = await until(looked, (entry) => entry.job?.state === 'cancelled');
    expect(job).toEqual(await client.api.job(ref.id));
    const again = await ref.retry();
    expect((await again.fetch()).retry_of).toBe(ref.id);
    await again.cancel();
    await again.delete();
    await expect(again.fetch()).rejects.toBeInstanceOf(NotFound);
  });

  test('a large result comes by its address', async () => {
    const ref = await make(open).submit<string>('test.large', { size: 100_000 });
    expect(await ref.done()).toHaveLength(100_000);
    expect(ref.get().job?.result_url).toBeDefined();
  });
});

test('a list is live: a job of another page appears and moves', async () => {
  const client = make(open);
  const list = client.jobs.list({ kind: 'test.steps', state: ['queued', 'running'] });
  const seen = new Promise<number>((resolve) => {
    list.subscribe(() => {
      const found = list.get().jobs.find((job) => job.title === 'seen');
      if (found?.progress.current === 1) resolve(found.progress.current);
    });
  });
  const gate = open.gate();
  const ref = await make(open).submit('test.steps', { gate }, { title: 'seen' });
  open.open(gate, 0);
  expect(await seen).toBe(1);
  await ref.cancel();
  await new Promise<void>((resolve) => {
    const check = (): void => {
      if (!list.get().jobs.some((job) => job.id === ref.id)) resolve();
    };
    list.subscribe(check);
    check();
  });
});

describe('with tokens', () => {
  const soon = (): number => Math.floor(Date.now() / 1000) + 600;

  test('users see their own jobs, and not those of others', async () => {
    const ana = make(closed, { token: closed.token({ sub: 'ana', exp: soon() }) });
    const bob = make(closed, { token: async () => closed.token({ sub: 'bob', exp: soon() }) });
    const ref = await ana.submit('test.large', { size: 10 });
    expect(await ref.done()).toHaveLength(10);
    const foreign = bob.job(ref.id);
    await expect(foreign.fetch()).rejects.toBeInstanceOf(NotFound);
    await expect(foreign.done()).rejects.toBeInstanceOf(NotFound);
  });

  test('a page without a token follows by the tokens of its handles', async () => {
    const ana = make(closed, { token: closed.token({ sub: 'ana', exp: soon() }) });
    const gate = closed.gate();
    const first = await ana.submit('test.steps', { gate, total: 1 });
    const second = await ana.submit('test.steps', { gate, total: 1 });
    const page = make(closed);
    const handles = [first, second].map(({ id, token }) => ({ id, ...(token ? { token } : {}) }));
    const done = handles.map((handle) => page.job(handle).done());
    await Promise.all(handles.map((handle) => until(page.job(handle), isLive)));
    closed.open(gate, 0);
    closed.open(gate, 'end');
    expect(await Promise.all(done)).toEqual([1, 2].map(() => ({ total: 1, attempt: 1 })));
    await expect(page.submit('test.large', { size: 1 })).rejects.toBeInstanceOf(Unauthenticated);
  });

  test('a token that has ended is fetched anew, and the stream goes on', async () => {
    let fetched = 0;
    const client = make(closed, {
      token: async () => {
        fetched += 1;
        // The first one has ended already.
        return closed.token({ sub: 'ana', exp: fetched === 1 ? soon() - 1_200 : soon() });
      },
    });
    const ref = await client.submit('test.large', { size: 3 });
    expect(await ref.done()).toBe('xxx');
    expect(fetched).toBe(2);
  });
});
