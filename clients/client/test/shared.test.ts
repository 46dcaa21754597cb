import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type AvanceClient, createAvance, type JobRef, NotFound } from '../src/index.ts';
import { LEADER_TIMEOUT_MS } from '../src/sharedLink.ts';
import { LINGER_MS } from '../src/watches.ts';
import { FakeBrowser, type FakeTab } from './support/fakeBrowser.ts';
import { FakeServer, type FakeSocket } from './support/fakeServer.ts';

interface Tab {
  client: AvanceClient;
  tab: FakeTab;
  sockets: FakeSocket[];
  follow: (id: string) => JobRef;
}

let server: FakeServer;
let browser: FakeBrowser;
let tabs: Tab[];

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  browser = new FakeBrowser();
  tabs = [];
});

afterEach(() => {
  for (const { client } of tabs) client.close();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function token(sub: string): string {
  return `h.${Buffer.from(JSON.stringify({ sub })).toString('base64url')}.s`;
}

/** Open a tab that follows these jobs. */
async function open(ids: readonly string[] = ['j1'], user = 'ana'): Promise<Tab> {
  const tab = browser.tab();
  vi.stubGlobal('navigator', { locks: tab.locks, onLine: true });
  vi.stubGlobal('BroadcastChannel', tab.BroadcastChannel);
  const sockets: FakeSocket[] = [];
  const Socket = server.WebSocket;
  const websocket = class extends Socket {
    constructor(url: string) {
      super(url);
      sockets.push(this);
    }
  };
  const client = createAvance({
    url: 'http://server.test',
    transport: 'ws',
    token: token(user),
    fetch: server.fetch,
    centrifuge: { websocket },
  });
  const follow = (id: string): JobRef => {
    const ref = client.job(id);
    ref.subscribe(() => undefined);
    return ref;
  };
  const made = { client, tab, sockets, follow };
  tabs.push(made);
  for (const id of ids) follow(id);
  await settle();
  return made;
}

async function settle(ms = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

describe('tabs of one browser', () => {
  test('share one connection, and show the same', async () => {
    const job = server.job('j1').start();
    const [one, two, three] = [await open(), await open(), await open()];
    server.publish(job.progress(40));
    await settle(LEADER_TIMEOUT_MS * 2);
    expect(server.opened).toBe(1);
    expect(server.subscribes('job:j1')).toBe(1);
    for (const { client } of [one, two, three]) {
      expect(client.job('j1').get().job).toEqual(job.view);
      expect(client.connection.get().status).toBe('live');
    }
  });

  test('give a tab that comes later what they know, lines and all', async () => {
    const job = server.job('j1').start();
    await open();
    server.publish(job.log('before the second tab'));
    await settle();
    const late = await open();
    expect(late.client.job('j1').get().job).toEqual(job.view);
    expect(late.client.job('j1').get().logs).toHaveLength(1);
  });

  test('follow for each other what only one wants, and no longer than it wants', async () => {
    server.job('j1').start();
    const job = server.job('j2').start();
    await open(['j1']);
    const two = await open([]);
    const ref = two.client.job('j2');
    const stop = ref.subscribe(() => undefined);
    await settle();
    expect(ref.get().job).toEqual(job.view);
    expect(server.opened).toBe(1);
    stop();
    await settle(LINGER_MS);
    expect([...server.sockets].flatMap((one) => [...one.channels.keys()])).toEqual(['job:j1']);
  });

  test('a tab follows a job that the leading one knows from its list alone', async () => {
    const job = server.job('j1').start();
    const one = await open([]);
    one.client.jobs.list().subscribe(() => undefined);
    await settle();
    const two = await open(['j1']);
    await settle(100);
    expect(two.client.job('j1').get().job).toEqual(job.view);
  });

  test('share lists too', async () => {
    const job = server.job('j1').start();
    await open([]);
    const two = await open([]);
    const lists = tabs.map(({ client }) => client.jobs.list());
    for (const list of lists) list.subscribe(() => undefined);
    await settle();
    server.publish(job.progress(77));
    await settle();
    expect(lists.map((list) => list.get().jobs[0]?.progress.percent)).toEqual([77, 77]);
    expect(server.opened).toBe(1);
    expect(two.sockets).toHaveLength(0);
  });

  test('hear of a refusal as an error of its kind', async () => {
    server.job('j1');
    await open();
    const two = await open(['nobody']);
    expect(two.client.job('nobody').get().error).toBeInstanceOf(NotFound);
  });

  test('of different users hear nothing of each other', async () => {
    server.job('j1').start();
    await open(['j1'], 'ana');
    await open(['j1'], 'bob');
    expect(server.opened).toBe(2);
  });

  test('come back together when one of them asks', async () => {
    server.job('j1').start();
    const one = await open();
    const two = await open();
    server.drop(3503, 'force disconnect');
    await settle();
    expect(two.client.connection.get()).toMatchObject({ status: 'offline', isTerminal: true });
    two.client.reconnect();
    await settle();
    expect(one.client.connection.get().status).toBe('live');
    expect(two.client.connection.get().status).toBe('live');
  });
});

describe('when the leading tab', () => {
  test('closes, another goes on from where it was', async () => {
    const job = server.job('j1').start();
    const one = await open();
    const two = await open();
    const seen: string[] = [];
    two.client.connection.subscribe(() => seen.push(two.client.connection.get().status));
    one.client.close();
    job.log('in between');
    await settle();
    expect(server.opened).toBe(2);
    expect(two.client.job('j1').get().job).toEqual(job.view);
    expect(two.client.job('j1').get().logs).toHaveLength(1);
    expect(server.received.at(-1)?.subscribe).toMatchObject({ recover: true });
    expect(seen).toEqual(['recovering', 'live']);
  });

  test('crashes, the next asks the others what they watch and how far they are', async () => {
    const job = server.job('j1').start();
    const other = server.job('j2').start();
    const one = await open(['j1']);
    await open(['j1']);
    const three = await open(['j2']);
    one.tab.crash();
    for (const socket of one.sockets) socket.end(1006, '');
    other.log('in between').progress(50);
    await settle();
    expect(server.sockets.size).toBe(1);
    expect(three.client.job('j2').get().job).toEqual(other.view);
    expect(three.client.job('j2').get().logs).toHaveLength(1);
    server.publish(job.progress(10));
    await settle();
    expect(tabs[1]?.client.job('j1').get().job).toEqual(job.view);
  });

  test('is frozen, a tab in front takes its place, and it follows when it wakes', async () => {
    const job = server.job('j1').start();
    const one = await open();
    one.tab.isFrozen = true;
    const two = await open();
    expect(two.client.job('j1').get().job).toBeUndefined();
    await settle(LEADER_TIMEOUT_MS);
    expect(two.client.job('j1').get().job).toEqual(job.view);
    one.tab.isFrozen = false;
    await settle();
    server.publish(job.progress(60));
    await settle();
    expect(server.sockets.size).toBe(1);
    expect(two.sockets).toHaveLength(1);
    expect(one.client.job('j1').get().job).toEqual(job.view);
  });
});

test('a tab that crashes is missed: what only it watched is given back', async () => {
  server.job('j1').start();
  server.job('j2').start();
  await open(['j1']);
  const two = await open(['j2']);
  two.tab.crash();
  await settle();
  expect([...server.sockets].flatMap((one) => [...one.channels.keys()])).toEqual(['job:j1']);
});

test('where locks are forbidden each tab is on its own', async () => {
  const job = server.job('j1').start();
  const forbidden = {
    request: () => Promise.reject(new DOMException('sandboxed', 'SecurityError')),
  };
  const tab = browser.tab();
  vi.stubGlobal('navigator', { locks: forbidden, onLine: true });
  vi.stubGlobal('BroadcastChannel', tab.BroadcastChannel);
  const client = createAvance({
    url: 'http://server.test',
    transport: 'ws',
    fetch: server.fetch,
    centrifuge: { websocket: server.WebSocket },
  });
  client.job('j1').subscribe(() => undefined);
  await settle();
  expect(client.job('j1').get().job).toEqual(job.view);
  client.close();
  await settle();
  expect(server.sockets.size).toBe(0);
});
