import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type AvanceClient, createAvance, type InboxListRef, type Notice } from '../src/index.ts';
import { FakeServer } from './support/fakeServer.ts';

let server: FakeServer;
let client: AvanceClient;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  client = createAvance({
    url: 'http://server.test',
    transport: 'ws',
    isShared: false,
    fetch: server.fetch,
    centrifuge: { websocket: server.WebSocket },
  });
});

afterEach(() => {
  client.close();
  vi.useRealTimers();
});

async function pass(ms = 50): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

async function open(filter = {}): Promise<InboxListRef> {
  const list = client.inbox.list(filter);
  list.subscribe(() => undefined);
  await pass();
  return list;
}

function titles(list: InboxListRef): string[] {
  return list.get().items.map(({ title }) => title);
}

describe('the inbox', () => {
  test('shows what waited, then what comes, the newest first (002-27, 002-28)', async () => {
    server.inbox.store('while away');
    const list = await open();
    expect(titles(list)).toEqual(['while away']);
    expect(client.inbox.get()).toMatchObject({ isKnown: true, counts: { unread: 1, unseen: 1 } });
    server.inbox.notice('now');
    await pass();
    expect(titles(list)).toEqual(['now', 'while away']);
    expect(client.inbox.get().counts.unread).toBe(2);
  });

  test('and the list of jobs ask an open server once for whom they are', async () => {
    await open();
    client.jobs.list().subscribe(() => undefined);
    client.inbox.onNotice(() => undefined);
    await pass();
    expect(server.calls.filter(({ path }) => path.endsWith('/tokens'))).toHaveLength(1);
  });

  test('tells each new notification once, and none that was there before', async () => {
    server.inbox.store('old');
    const heard: Notice[] = [];
    client.inbox.onNotice((notice) => heard.push(notice));
    await pass();
    server.inbox.notice('new');
    await pass();
    server.drop();
    await pass(2_000);
    expect(heard.map(({ title }) => title)).toEqual(['new']);
  });

  test('what came while the connection was away is there afterwards (002-29)', async () => {
    const list = await open();
    server.stop();
    await pass(100);
    server.inbox.store('missed');
    server.start();
    await pass(5_000);
    expect(titles(list)).toEqual(['missed']);
    expect(client.inbox.get().counts.unread).toBe(1);
  });

  test('reading shows at once and stays when the server says so, whichever of both ways is first', async () => {
    const one = server.inbox.store('one');
    server.inbox.store('two');
    const list = await open();
    const counts: number[] = [];
    client.inbox.subscribe(() => counts.push(client.inbox.get().counts.unread));
    const done = client.inbox.operate('read', [one.id]);
    expect(client.inbox.get().counts.unread).toBe(1);
    expect(list.get().items.find(({ id }) => id === one.id)?.read_at).toBeTruthy();
    await pass();
    await done;
    expect(client.inbox.get().counts).toMatchObject({ unread: 1, version: server.inbox.version });
    // It never went down twice, nor up again in between.
    expect(new Set(counts)).toEqual(new Set([1]));
  });

  test('a refused change is taken back and thrown', async () => {
    const one = server.inbox.store('one');
    const list = await open();
    server.inbox.isRefusing = true;
    const done = client.inbox.operate('read', [one.id]);
    const refused = expect(done).rejects.toMatchObject({ code: 'unavailable' });
    expect(client.inbox.get().counts.unread).toBe(0);
    await refused;
    expect(client.inbox.get().counts.unread).toBe(1);
    expect(list.get().items[0]?.read_at).toBeUndefined();
  });

  test('reading all leaves alone what arrives meanwhile', async () => {
    server.inbox.store('one');
    server.inbox.store('two');
    const list = await open();
    const done = client.inbox.operateAll('read');
    server.inbox.notice('three');
    await pass();
    await done;
    expect(client.inbox.get().counts.unread).toBe(1);
    expect(
      list
        .get()
        .items.filter((one) => !one.read_at)
        .map(({ title }) => title),
    ).toEqual(['three']);
  });

  test('what another device reads is read here', async () => {
    const one = server.inbox.store('one');
    const unread = await open({ status: 'unread' });
    expect(titles(unread)).toEqual(['one']);
    server.inbox.operate('read', [one.id]);
    await pass();
    expect(titles(unread)).toEqual([]);
    expect(client.inbox.get().counts.unread).toBe(0);
  });

  test('archived and deleted ones leave the list, and archived ones have their own', async () => {
    const one = server.inbox.store('one');
    const two = server.inbox.store('two');
    const list = await open();
    const archived = await open({ status: 'archived' });
    await client.inbox.operate('archive', [one.id]);
    await client.inbox.operate('delete', [two.id]);
    await pass();
    expect(titles(list)).toEqual([]);
    expect(titles(archived)).toEqual(['one']);
    expect(client.inbox.get().counts.unread).toBe(0);
  });

  test('pages follow one another without a gap', async () => {
    for (let n = 1; n <= 5; n += 1) server.inbox.store(`n${n}`);
    const list = await open({ limit: 2 });
    expect(titles(list)).toEqual(['n5', 'n4']);
    expect(list.get().hasMore).toBe(true);
    await list.fetchMore();
    expect(titles(list)).toEqual(['n5', 'n4', 'n3', 'n2']);
    await list.fetchMore();
    expect(titles(list)).toEqual(['n5', 'n4', 'n3', 'n2', 'n1']);
    expect(list.get().hasMore).toBe(false);
  });

  test('a list stays the same object until something changed', async () => {
    server.inbox.store('one');
    const list = await open();
    expect(list.get()).toBe(list.get());
    const before = list.get();
    server.inbox.notice('two');
    await pass();
    expect(list.get()).not.toBe(before);
  });

  test('preferences are read and written', async () => {
    await client.inbox.setPreferences({ min_priority: 'high' });
    expect(await client.inbox.preferences()).toEqual({ min_priority: 'high' });
  });
});
