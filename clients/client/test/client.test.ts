import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type AvanceClient,
  type AvanceOptions,
  Conflict,
  ConnectionFailed,
  createAvance,
  NotFound,
  RateLimited,
  TaskFailed,
  Unauthenticated,
} from '../src/index.ts';
import { LINGER_MS } from '../src/watches.ts';
import { FakeServer, json, problem } from './support/fakeServer.ts';

let server: FakeServer;
let clients: AvanceClient[];

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  clients = [];
});

afterEach(() => {
  for (const client of clients) client.close();
  vi.useRealTimers();
});

function make(options: AvanceOptions = {}): AvanceClient {
  const client = createAvance({
    url: 'http://server.test',
    transport: 'ws',
    isShared: false,
    fetch: server.fetch,
    ...options,
    centrifuge: { websocket: server.WebSocket, ...options.centrifuge },
  });
  clients.push(client);
  return client;
}

/** Let all that needs no time happen. */
async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

function token(claims: object): string {
  const middle = Buffer.from(JSON.stringify(claims)).toString('base64url');
  return `h.${middle}.s`;
}

describe('following a job', () => {
  test('shows the snapshot, then each event, and tells of each change', async () => {
    const job = server.job('j1', ['parsing']).start();
    const ref = make().job('j1');
    expect(ref.get().job).toBeUndefined();
    const listener = vi.fn();
    ref.subscribe(listener);
    await settle();
    expect(ref.get().job).toEqual(job.view);
    listener.mockClear();
    server.publish(job.phase('parsing').progress(40));
    await settle();
    expect(ref.get().job).toEqual(job.view);
    expect(listener).toHaveBeenCalledTimes(2);
  });

  test('opens nothing before something is watched', async () => {
    server.job('j1');
    const client = make();
    client.job('j1').get();
    client.jobs.list().get();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.opened).toBe(0);
    expect(server.calls).toEqual([]);
  });

  test('shares one subscription among all who watch, and ends it a moment after the last', async () => {
    server.job('j1').start();
    const client = make();
    const stops = [1, 2, 3].map(() => client.job('j1').subscribe(() => undefined));
    await settle();
    expect(server.subscribes('job:j1')).toBe(1);
    for (const stop of stops) stop();
    const again = client.job('j1').subscribe(() => undefined);
    await vi.advanceTimersByTimeAsync(LINGER_MS * 2);
    expect(server.subscribes('job:j1')).toBe(1);
    again();
    await vi.advanceTimersByTimeAsync(LINGER_MS);
    expect(server.received.filter((one) => one.unsubscribe)).toHaveLength(1);
  });

  test('goes on from where it was when it is watched again', async () => {
    const job = server.job('j1').start();
    const client = make();
    const stop = client.job('j1').subscribe(() => undefined);
    await settle();
    stop();
    await vi.advanceTimersByTimeAsync(LINGER_MS);
    job.progress(10).log('while nobody looked');
    const ref = client.job('j1');
    ref.subscribe(() => undefined);
    await settle();
    expect(ref.get().job).toEqual(job.view);
    expect(ref.get().logs.map((line) => line.message)).toEqual(['while nobody looked']);
  });

  test('gives the channel back when the job has ended', async () => {
    const job = server.job('j1').start();
    const ref = make().job('j1');
    ref.subscribe(() => undefined);
    await settle();
    server.publish(job.complete('ok'));
    await settle();
    expect(ref.get().job).toEqual(job.view);
    expect([...server.sockets].flatMap((one) => [...one.channels.keys()])).toEqual([]);
  });

  test('tells that a job is not there instead of waiting for ever', async () => {
    const ref = make().job('nobody');
    ref.subscribe(() => undefined);
    await settle();
    expect(ref.get().error).toBeInstanceOf(NotFound);
    expect(ref.get().error?.code).toBe('job_not_found');
    await expect(ref.done()).rejects.toBeInstanceOf(NotFound);
  });

  test('fetches lines and chunks from before it was followed', async () => {
    const job = server.job('j1').start().log('one').emit('tokens', 'a');
    const ref = make().job('j1');
    ref.subscribe(() => undefined);
    await settle();
    expect(ref.get().logs).toEqual([]);
    server.publish(job.log('two'));
    await ref.loadHistory();
    expect(ref.get().logs.map((line) => line.message)).toEqual(['one', 'two']);
    expect(ref.get().streams.tokens?.map((part) => part.chunk)).toEqual(['a']);
    const calls = server.calls.length;
    await ref.loadHistory();
    expect(server.calls).toHaveLength(calls);
  });
});

describe('the end of a job', () => {
  test('resolves with the result', async () => {
    const job = server.job('j1').start();
    const done = make().job<{ chunks: number }>('j1').done();
    await settle();
    server.publish(job.complete({ chunks: 3 }));
    expect((await done).chunks).toBe(3);
  });

  test('fetches a result that is too large for the event', async () => {
    const job = server.job('j1').start().complete({ big: true });
    server.answer = (call, url) =>
      url.pathname.endsWith('/result') ? json({ big: 'yes' }) : server.defaultAnswer(call, url);
    job.view.result_url = '/v1/jobs/j1/result';
    expect(await make().job('j1').done()).toEqual({ big: 'yes' });
  });

  test('rejects with the job when it failed', async () => {
    const job = server.job('j1').start();
    const done = make().job('j1').done();
    await settle();
    server.publish(job.fail('the file is empty'));
    const error = await done.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TaskFailed);
    expect(error).toMatchObject({ code: 'ValueError', message: 'the file is empty' });
    expect((error as TaskFailed).job.state).toBe('failed');
  });

  test('stops waiting when it is told to', async () => {
    server.job('j1').start();
    const abort = new AbortController();
    const done = make().job('j1').done({ signal: abort.signal });
    await settle();
    abort.abort(new Error('enough'));
    await expect(done).rejects.toThrow('enough');
  });
});

describe('commands', () => {
  test('submit gives a job that shows at once and can be followed', async () => {
    const ref = await make().submit('shop.ingest', { path: 'a.pdf' }, { title: 'a.pdf' });
    expect(server.calls[0]).toMatchObject({
      method: 'POST',
      path: '/v1/jobs',
      body: { task: 'shop.ingest', params: { path: 'a.pdf' }, title: 'a.pdf' },
    });
    expect(ref.get().job?.kind).toBe('shop.ingest');
    expect(ref.get().job).not.toHaveProperty('token');
    expect(ref.token).toBe('job-token');
  });

  test('cancel is seen at once, also without a connection', async () => {
    server.job('j1').start();
    const ref = make().job('j1');
    const view = await ref.cancel();
    expect(view.state).toBe('cancelled');
    expect(ref.get().job?.state).toBe('cancelled');
  });

  test('retry gives the new job', async () => {
    server.job('j1').start().fail('no');
    const again = await make().job('j1').retry();
    expect(again.id).toBe('new2');
  });

  test('an answer that refuses is an error of its kind, with the code of the server', async () => {
    const client = make();
    const statuses = { 409: Conflict, 404: NotFound } as const;
    for (const [status, kind] of Object.entries(statuses)) {
      server.answer = () => problem(Number(status), 'job_state', 'it is over');
      const error = await client
        .job('j1')
        .cancel()
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(kind);
      expect(error).toMatchObject({ code: 'job_state', message: 'it is over' });
    }
    server.answer = () => problem(429, 'rate_limited', 'slower', { 'retry-after': '7' });
    const limited = await client.submit('x').catch((thrown: unknown) => thrown);
    expect(limited).toBeInstanceOf(RateLimited);
    expect((limited as RateLimited).retryAfterS).toBe(7);
  });

  test('the words of a refusal are found in the shapes of other contracts too', async () => {
    const client = make();
    const shapes: [object, string, string][] = [
      [{ success: false, error: 'too large', code: 'document_size' }, 'document_size', 'too large'],
      [{ detail: 'Job not found' }, 'http_error', 'Job not found'],
      [{ detail: [{ loc: ['body'] }] }, 'http_error', 'the server answered 400'],
    ];
    for (const [body, code, message] of shapes) {
      server.answer = () => new Response(JSON.stringify(body), { status: 400 });
      const refused = client.api.request('/api/ocr/upload');
      await expect(refused).rejects.toMatchObject({ name: 'InvalidRequest', code, message });
    }
  });

  test('no answer is a failed connection, and a page of a proxy keeps its status', async () => {
    const client = make();
    server.answer = () => new Response('<html>', { status: 502 });
    await expect(client.job('j1').fetch()).rejects.toMatchObject({ status: 502 });
    server.stop();
    await expect(client.job('j1').fetch()).rejects.toBeInstanceOf(ConnectionFailed);
  });
});

describe('the connection', () => {
  test('tells connecting, live, recovering and live again', async () => {
    const job = server.job('j1').start();
    const client = make();
    const seen: string[] = [client.connection.get().status];
    client.connection.subscribe(() => seen.push(client.connection.get().status));
    const ref = client.job('j1');
    ref.subscribe(() => undefined);
    await settle();
    server.stop();
    await settle();
    job.progress(50).log('while it was down');
    await vi.advanceTimersByTimeAsync(5_000);
    server.start();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(seen).toEqual(['connecting', 'live', 'recovering', 'live']);
    expect(ref.get().job).toEqual(job.view);
    expect(ref.get().logs).toHaveLength(1);
  });

  test('takes a snapshot where the server cannot recover', async () => {
    const job = server.job('j1').start().progress(10);
    const ref = make().job('j1');
    ref.subscribe(() => undefined);
    await settle();
    server.drop();
    job.progress(70).log('gone');
    server.recoverableFrom = 1_000;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(ref.get().job).toEqual(job.view);
    expect(ref.get().hasHistory).toBe(false);
  });

  test('begins anew when the server lost its stream', async () => {
    const job = server.job('j1').start().progress(90);
    const ref = make().job('j1');
    ref.subscribe(() => undefined);
    await settle();
    const other = server.job('j1').start().progress(5);
    other.epoch = 'e2';
    server.drop();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(job.view.progress.percent).toBe(90);
    expect(ref.get().job).toEqual(other.view);
    server.publish(other.progress(6));
    await settle();
    expect(ref.get().job?.progress.percent).toBe(6);
  });

  test('stays away after a terminal disconnect until it is told to come back', async () => {
    const job = server.job('j1').start();
    const client = make();
    const ref = client.job('j1');
    ref.subscribe(() => undefined);
    await settle();
    server.drop(3503, 'force disconnect');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(client.connection.get()).toEqual({
      status: 'offline',
      code: 3503,
      reason: 'force disconnect',
      isTerminal: true,
    });
    expect(server.opened).toBe(1);
    job.progress(20);
    client.reconnect();
    await settle();
    expect(client.connection.get().status).toBe('live');
    expect(ref.get().job).toEqual(job.view);
  });

  test('reads over plain HTTP where no socket passes, and goes live when one does', async () => {
    // It comes on demand, in a time that no fake clock moves.
    await import('../src/poller.ts');
    server.hasSockets = false;
    const job = server.job('j1').start();
    const client = make({
      transport: 'auto',
      centrifuge: { fetch: () => Promise.reject(new TypeError('blocked')), timeout: 500 },
    });
    const ref = client.job('j1');
    const list = client.jobs.list();
    list.subscribe(() => undefined);
    ref.subscribe(() => undefined);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(client.connection.get().status).toBe('polling');
    expect(ref.get().job).toEqual(job.view);
    job.log('polled').progress(33);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(ref.get().job).toEqual(job.view);
    expect(ref.get().logs).toHaveLength(1);
    expect(list.get().jobs[0]?.progress.percent).toBe(33);
    server.hasSockets = true;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(client.connection.get().status).toBe('live');
    const calls = server.calls.length;
    server.publish(job.complete('ok'));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(ref.get().job).toEqual(job.view);
    expect(server.calls).toHaveLength(calls);
  });

  test('ends in what the server shows, whatever drops and how often', async () => {
    const act = fc.constantFrom('progress', 'log', 'emit', 'drop', 'outage', 'wait', 'refetch');
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 12 }), async (acts) => {
        server = new FakeServer();
        const client = make();
        const job = server.job('j1').start();
        const ref = client.job('j1');
        ref.subscribe(() => undefined);
        for (const one of acts) {
          if (one === 'progress') server.publish(job.progress(job.events.length % 100));
          if (one === 'log') server.publish(job.log(`line ${job.events.length}`));
          if (one === 'emit') server.publish(job.emit('tokens', job.events.length));
          if (one === 'drop') server.drop();
          if (one === 'outage') server.stop();
          if (one === 'wait') {
            server.start();
            await vi.advanceTimersByTimeAsync(700);
          }
          if (one === 'refetch' && server.isUp) await ref.fetch();
        }
        server.start();
        server.publish(job.complete({ ok: true }));
        await vi.advanceTimersByTimeAsync(30_000);
        expect(ref.get().job).toEqual(job.view);
        await ref.loadHistory();
        const told = job.events.filter((event) => event.type === 'log');
        expect(ref.get().logs).toEqual(told);
        client.close();
      }),
      { numRuns: 60 },
    );
  });
});

describe('tokens', () => {
  test('a token goes along in every request and in the connect', async () => {
    server.job('j1');
    const mine = token({ sub: 'ana' });
    const client = make({ token: mine });
    client.job('j1').subscribe(() => undefined);
    await client.job('j1').fetch();
    await settle();
    expect(server.calls[0]?.authorization).toBe(`Bearer ${mine}`);
    expect(server.received[0]?.connect?.token).toBe(mine);
  });

  test('an expired token is fetched anew, once, for socket and requests', async () => {
    server.job('j1');
    const tokens = [token({ sub: 'ana', n: 1 }), token({ sub: 'ana', n: 2 })];
    server.judge = (given) => (given === tokens[1] ? 'ok' : 'expired');
    const source = vi.fn(async () => tokens[Math.min(source.mock.calls.length, 2) - 1] as string);
    const client = make({ token: source });
    const [first, second] = await Promise.all([client.job('j1').fetch(), client.job('j1').fetch()]);
    expect(first.id).toBe(second.id);
    expect(source).toHaveBeenCalledTimes(2);
    client.job('j1').subscribe(() => undefined);
    await settle();
    expect(client.connection.get().status).toBe('live');
    expect(source).toHaveBeenCalledTimes(2);
  });

  test('a token near its end is renewed before it is used', async () => {
    server.job('j1');
    const soon = Math.floor(Date.now() / 1000) + 5;
    const source = vi.fn(async () => token({ sub: 'ana', exp: soon }));
    const client = make({ token: source });
    await client.job('j1').fetch();
    await client.job('j1').fetch();
    expect(source).toHaveBeenCalledTimes(2);
  });

  test('a refused token is an error, and the page hears of it', async () => {
    server.job('j1');
    server.judge = () => 'invalid';
    const client = make({ token: 'nonsense' });
    client.job('j1').subscribe(() => undefined);
    await expect(client.job('j1').fetch()).rejects.toBeInstanceOf(Unauthenticated);
    await settle();
    expect(client.connection.get()).toMatchObject({ status: 'offline', code: 3500 });
  });

  test('a page without a token follows by those of its handles', async () => {
    const one = token({ sub: 'ana', channel: 'job:j1' });
    const two = token({ sub: 'ana', channel: 'job:j2' });
    server.judge = (given) => (given === undefined ? 'invalid' : 'ok');
    const first = server.job('j1').start();
    const second = server.job('j2').start();
    const client = make();
    const refs = [client.job({ id: 'j1', token: one }), client.job({ id: 'j2', token: two })];
    for (const ref of refs) ref.subscribe(() => undefined);
    await settle();
    expect(refs.map((ref) => ref.get().job)).toEqual([first.view, second.view]);
    expect(server.received.filter((command) => command.connect).at(-1)?.connect?.token).toBe(one);
    const connects = server.received.map((command) => command.connect !== undefined);
    const last = server.received.slice(connects.lastIndexOf(true));
    const subscribed = last.flatMap((command) => command.subscribe ?? []);
    expect(subscribed.map(({ channel, token: given }) => [channel, given])).toEqual([
      ['job:j1', undefined],
      ['job:j2', two],
    ]);
    await refs[1]?.fetch();
    await refs[1]?.fetch();
    // Once refused without a token, it does not try that again.
    expect(server.calls.map((call) => call.authorization)).toEqual([
      null,
      `Bearer ${two}`,
      `Bearer ${two}`,
    ]);
  });

  test('a handle of another user than the one that the connection lives on sends no token', async () => {
    server.judge = (given) => (given === undefined ? 'invalid' : 'ok');
    server.job('j1');
    server.job('j2');
    const client = make();
    client.job({ id: 'j1', token: token({ sub: 'ana' }) }).subscribe(() => undefined);
    client.job({ id: 'j2', token: token({ sub: 'bob' }) }).subscribe(() => undefined);
    await settle();
    expect(client.connection.get().status).toBe('live');
    const sent = server.received.flatMap((command) => command.subscribe?.token ?? []);
    expect(sent).toEqual([]);
  });

  test('a token of another user never goes along, since the server would close for it', async () => {
    const mine = token({ sub: 'ana' });
    server.job('j1');
    const client = make({ token: mine });
    client.job({ id: 'j1', token: token({ sub: 'shop' }) }).subscribe(() => undefined);
    await settle();
    expect(server.received.find((command) => command.subscribe)?.subscribe?.token).toBeUndefined();
    expect(client.job('j1').get().job?.id).toBe('j1');
  });
});

describe('lists', () => {
  test('show a page, the newest first, and load the next', async () => {
    for (let n = 0; n < 5; n += 1) server.job(`j${n}`);
    const list = make().jobs.list({ limit: 2 });
    expect(list.get()).toMatchObject({ jobs: [], isLoading: true });
    list.subscribe(() => undefined);
    await settle();
    // The snapshot of the channel has older ones too; they wait for their page.
    expect(list.get().jobs.map((job) => job.id)).toEqual(['j4', 'j3']);
    expect(list.get().hasMore).toBe(true);
    await list.fetchMore();
    await list.fetchMore();
    expect(list.get().jobs.map((job) => job.id)).toEqual(['j4', 'j3', 'j2', 'j1', 'j0']);
    expect(list.get().hasMore).toBe(false);
  });

  test('keep their object until something changed', async () => {
    const job = server.job('j1').start();
    const list = make().jobs.list();
    list.subscribe(() => undefined);
    await settle();
    const before = list.get();
    expect(list.get()).toBe(before);
    server.publish(job.progress(10));
    await settle();
    expect(list.get()).not.toBe(before);
    expect(list.get().jobs[0]?.progress.percent).toBe(10);
  });

  test('take in new jobs, and let go what no longer fits', async () => {
    const running = server.job('j1').start();
    const list = make().jobs.list({ state: 'running' });
    list.subscribe(() => undefined);
    await settle();
    expect(list.get().jobs.map((job) => job.id)).toEqual(['j1']);
    server.publish(server.job('j2').start());
    server.publish(server.job('j3'));
    await settle();
    expect(list.get().jobs.map((job) => job.id)).toEqual(['j2', 'j1']);
    server.publish(running.complete('ok'));
    await settle();
    expect(list.get().jobs.map((job) => job.id)).toEqual(['j2']);
  });

  test('let go a job that was deleted', async () => {
    const job = server.job('j1').start().complete('ok');
    server.job('j2');
    const list = make().jobs.list();
    list.subscribe(() => undefined);
    await settle();
    server.remove(job);
    await settle();
    expect(list.get().jobs.map((one) => one.id)).toEqual(['j2']);
  });

  test('and jobs are one store: what one learns the other shows', async () => {
    const job = server.job('j1').start();
    const client = make();
    client.jobs.list().subscribe(() => undefined);
    await settle();
    server.publish(job.progress(42));
    await settle();
    expect(client.job('j1').get().job?.progress.percent).toBe(42);
  });

  test('tell of an end before the job does: what they leave out still comes', async () => {
    const job = server.job('j1').start();
    const client = make();
    client.jobs.list().subscribe(() => undefined);
    await settle();
    server.publish(job.complete('ok'));
    await settle();
    const ref = client.job('j1');
    expect(ref.get().job).toMatchObject({ state: 'completed' });
    expect(ref.get().job).not.toHaveProperty('result');
    ref.subscribe(() => undefined);
    await settle();
    expect(ref.get().job?.result).toBe('ok');
  });

  test('do not lose a job that comes while the page is read', async () => {
    server.job('j1');
    const list = make().jobs.list();
    list.subscribe(() => undefined);
    await settle();
    server.answer = (call, url) => {
      const page = server.defaultAnswer(call, url);
      server.publish(server.job('j9').start());
      return page;
    };
    const reading = list.refetch();
    await reading;
    await settle();
    expect(list.get().jobs.map((job) => job.id)).toContain('j9');
  });

  test('read again what a snapshot does not hold, when something was missed', async () => {
    const first = server.job('j0').start();
    for (let n = 1; n < 120; n += 1) server.job(`j${n}`);
    const list = make().jobs.list({ limit: 200 });
    list.subscribe(() => undefined);
    await settle();
    server.drop();
    first.complete('ok');
    await vi.advanceTimersByTimeAsync(30_000);
    expect(list.get().jobs).toHaveLength(120);
    expect(list.get().jobs.at(-1)?.state).toBe('completed');
  });

  test('tell an error and stay with what they have', async () => {
    server.job('j1');
    const list = make().jobs.list();
    list.subscribe(() => undefined);
    await settle();
    server.answer = () => problem(503, 'store_unavailable', 'the disk is full');
    await list.refetch();
    expect(list.get().error?.code).toBe('store_unavailable');
    expect(list.get().jobs).toHaveLength(1);
    expect(list.get().isLoading).toBe(false);
  });
});

test('importing touches neither network nor page', async () => {
  const before = Object.keys(globalThis);
  vi.resetModules();
  const module = await import('../src/index.ts');
  module.createAvance({ url: 'http://server.test' });
  expect(Object.keys(globalThis)).toEqual(before);
});
