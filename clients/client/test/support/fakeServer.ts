import type { JobEvent, JobView } from '../../src/wire.ts';
import { FakeInbox } from './fakeInbox.ts';
import { FakeJob } from './fakeJob.ts';

const START_MS = Date.UTC(2026, 0, 1);

interface Command {
  id?: number;
  connect?: { token?: string };
  subscribe?: {
    channel: string;
    token?: string;
    recover?: boolean;
    epoch?: string;
    offset?: number;
  };
  unsubscribe?: { channel: string };
  refresh?: { token: string };
}

interface Publication {
  data: unknown;
  offset: number;
  delta?: boolean;
}

export interface RestCall {
  method: string;
  path: string;
  authorization: string | null;
  body: unknown;
}

type Verdict = 'ok' | 'expired' | 'invalid';

/**
 * A scriptable server of the Centrifugo protocol and of the REST side, in memory. Sensible answers by
 * default; `received` and `calls` tell what came.
 */
export class FakeServer {
  readonly received: Command[] = [];
  readonly calls: RestCall[] = [];
  readonly jobs = new Map<string, FakeJob>();
  readonly inbox = new FakeInbox((event) => this.#tellInbox(event));
  readonly sockets = new Set<FakeSocket>();
  user = 'ana';
  isUp = true;
  /** The network passes plain requests and no sockets. */
  hasSockets = true;
  opened = 0;
  judge: (token: string | undefined) => Verdict = () => 'ok';
  recoverableFrom = 0;
  /** Grant delta to who asks for it; what is pushed then is text. */
  delta = false;
  readonly #lists = new Map<string, { offset: number; pubs: Publication[] }>();

  /** For the option `websocket` of the stock client. */
  get WebSocket(): new (
    url: string,
  ) => FakeSocket {
    const server = this;
    return class extends FakeSocket {
      constructor(url: string) {
        super(url, server);
      }
    };
  }

  readonly fetch: typeof fetch = async (input, init) => {
    if (!this.isUp) throw new TypeError('fetch failed');
    const url = new URL(String(input));
    const headers = new Headers(init?.headers);
    const call = {
      method: init?.method ?? 'GET',
      path: url.pathname + url.search,
      authorization: headers.get('authorization'),
      body: init?.body === undefined ? undefined : JSON.parse(String(init.body)),
    };
    this.calls.push(call);
    init?.signal?.throwIfAborted();
    const verdict = this.judge(call.authorization?.replace('Bearer ', ''));
    if (verdict !== 'ok') {
      const code = verdict === 'expired' ? 'token_expired' : 'unauthenticated';
      return problem(401, code, 'bring a token');
    }
    return this.answer(call, url);
  };

  /** The REST answers; replace it to script others. */
  answer: (call: RestCall, url: URL) => Response = (call, url) => this.defaultAnswer(call, url);

  job(id: string, phases: readonly string[] = []): FakeJob {
    const job = new FakeJob(id, phases, START_MS + this.jobs.size * 1000);
    this.jobs.set(id, job);
    return job;
  }

  /** Deliver what the job told since the last time, to the job's channel and to the list. */
  publish(job: FakeJob): void {
    for (const socket of this.sockets) socket.catchUp(job);
    this.#tellList(job, { type: 'job', job: job.summary });
  }

  /** Forget a job, and tell the list. */
  remove(job: FakeJob): void {
    this.jobs.delete(job.view.id);
    this.#tellList(job, { type: 'removed', job_id: job.view.id });
  }

  #tellInbox(data: { seq: number }): void {
    const channel = `inbox:#${this.user}`;
    for (const socket of this.sockets) {
      if (socket.channels.has(channel)) socket.push(channel, { data, offset: data.seq });
    }
  }

  #tellList(job: FakeJob, event: object): void {
    const channel = `jobs:#${job.view.owner}`;
    const list = this.#list(channel);
    list.offset += 1;
    const data = { v: 1, seq: list.offset, ...event };
    for (const socket of this.sockets) {
      if (socket.channels.has(channel)) socket.push(channel, { data, offset: list.offset });
    }
  }

  /** Cut every connection, as a network does. */
  drop(code = 1006, reason = ''): void {
    for (const socket of [...this.sockets]) socket.end(code, reason);
  }

  stop(): void {
    this.isUp = false;
    this.drop();
  }

  start(): void {
    this.isUp = true;
  }

  subscribes(channel: string): number {
    return this.received.filter((one) => one.subscribe?.channel === channel).length;
  }

  defaultAnswer({ method, body }: RestCall, url: URL): Response {
    const [, , resource, id, part] = url.pathname.split('/');
    if (resource === 'tokens') {
      return json({ token: '', user: this.user, expires_at: '2026-01-01T00:15:00.000Z' });
    }
    if (resource === 'inbox') return this.inbox.answer(method, id, body, url);
    if (id === undefined) return method === 'POST' ? this.#submit(body) : this.#page(url);
    const job = this.jobs.get(id);
    if (job === undefined) return problem(404, 'job_not_found', `there is no job ${id}`);
    switch (part) {
      case undefined:
        return json(job.view);
      case 'cancel':
        job.cancel();
        this.publish(job);
        return json(job.view);
      case 'retry':
        return this.#submit({ task: job.view.kind });
      case 'result':
        return json(job.view.result);
      case 'events':
        return this.#events(job, url);
      default:
        return problem(404, 'not_found', url.pathname);
    }
  }

  #submit(body: unknown): Response {
    const id = `new${this.jobs.size + 1}`;
    const job = this.job(id);
    job.view.kind = (body as { task: string }).task;
    const { view, channel } = job;
    const expires = '2026-01-01T00:15:00.000Z';
    const urls = { self: '', events: '', result: '', cancel: '', retry: '' };
    this.publish(job);
    return json({ ...view, channel, token: 'job-token', token_expires_at: expires, urls });
  }

  #page(url: URL): Response {
    const limit = Number(url.searchParams.get('limit') ?? 50);
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const states = url.searchParams.get('state')?.split(',');
    const rows = this.#rows().filter((one) => !states || states.includes(one.state));
    const next = from + limit;
    const cursor = next < rows.length ? String(next) : null;
    return json({ jobs: rows.slice(from, next), cursor });
  }

  #rows(): JobView[] {
    const rows = [...this.jobs.values()].map((job) => job.summary);
    return rows.sort((a, b) => (a.created_at + a.id < b.created_at + b.id ? 1 : -1));
  }

  #events(job: FakeJob, url: URL): Response {
    const since = Number(url.searchParams.get('since') ?? 0);
    const limit = Number(url.searchParams.get('limit') ?? 100);
    const events = job.events.slice(since, since + limit);
    const isGap = since < this.recoverableFrom;
    return json({
      epoch: job.epoch,
      offset: job.view.seq,
      events: isGap ? [] : events,
      is_gap: isGap,
      has_more: !isGap && since + limit < job.events.length,
    });
  }

  #list(channel: string): { offset: number; pubs: Publication[] } {
    const list = this.#lists.get(channel) ?? { offset: 0, pubs: [] };
    this.#lists.set(channel, list);
    return list;
  }

  listSnapshot(channel: string): Publication {
    const { offset } = this.#list(channel);
    const jobs = this.#rows().slice(0, 100);
    return { offset, data: { v: 1, seq: offset, type: 'snapshot', jobs } };
  }
}

/** The end of a WebSocket that the stock client holds. */
export class FakeSocket {
  onopen: (() => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  /** By channel: the offset up to which this connection was told. */
  readonly channels = new Map<string, number>();
  readonly url: string;
  readonly #server: FakeServer;
  #isClosed = false;

  constructor(url: string, server: FakeServer) {
    this.url = url;
    this.#server = server;
    queueMicrotask(() => this.#open());
  }

  send(frame: string): void {
    for (const line of frame.trim().split('\n')) {
      const command = JSON.parse(line) as Command;
      if (command.id === undefined) continue;
      this.#server.received.push(command);
      queueMicrotask(() => this.#handle(command));
    }
  }

  close(): void {
    this.end(1000, '');
  }

  end(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#server.sockets.delete(this);
    queueMicrotask(() => this.onclose?.({ code, reason }));
  }

  push(channel: string, pub: Publication): void {
    this.reply({ push: { channel, pub } });
  }

  catchUp(job: FakeJob): void {
    const told = this.channels.get(job.channel);
    if (told === undefined) return;
    for (const event of job.events.slice(told)) {
      this.push(job.channel, { data: event, offset: event.seq });
    }
    this.channels.set(job.channel, job.view.seq);
  }

  reply(message: object): void {
    const data = JSON.stringify(message);
    queueMicrotask(() => {
      if (!this.#isClosed) this.onmessage?.({ data });
    });
  }

  #open(): void {
    if (!this.#server.isUp || !this.#server.hasSockets) {
      this.onerror?.({ message: 'refused' });
      this.end(1006, '');
      return;
    }
    this.#server.opened += 1;
    this.#server.sockets.add(this);
    this.onopen?.();
  }

  #handle(command: Command): void {
    if (this.#isClosed) return;
    const { id, connect, subscribe, unsubscribe } = command;
    if (connect) this.#connect(id, connect.token);
    if (subscribe) this.#subscribe(id, subscribe);
    if (unsubscribe) {
      this.channels.delete(unsubscribe.channel);
      this.reply({ id, unsubscribe: {} });
    }
    if (command.refresh) this.reply({ id, refresh: { client: 'c', version: 'fake' } });
  }

  #connect(id: number | undefined, token: string | undefined): void {
    const verdict = this.#server.judge(token || undefined);
    if (verdict === 'expired') this.reply({ id, error: { code: 109, message: 'token expired' } });
    else if (verdict === 'invalid') this.end(token ? 3500 : 3501, 'invalid token');
    else this.reply({ id, connect: { client: 'c', version: 'fake' } });
  }

  #subscribe(id: number | undefined, wanted: NonNullable<Command['subscribe']>): void {
    const { channel } = wanted;
    if (channel.startsWith('jobs:')) {
      const snapshot = this.#server.listSnapshot(channel);
      this.channels.set(channel, snapshot.offset);
      this.#subscribed(id, 'l1', snapshot.offset, [snapshot], wanted, false);
      return;
    }
    if (channel.startsWith('inbox:')) {
      const { snapshot } = this.#server.inbox;
      this.channels.set(channel, snapshot.seq);
      const pubs = [{ data: snapshot, offset: snapshot.seq }];
      this.#subscribed(id, 'i1', snapshot.seq, pubs, wanted, false);
      return;
    }
    const job = this.#server.jobs.get(channel.slice('job:'.length));
    if (job === undefined) {
      this.reply({ id, error: { code: 103, message: 'permission denied' } });
      return;
    }
    const since = wanted.offset ?? 0;
    const isRecovered =
      wanted.recover === true &&
      wanted.epoch === job.epoch &&
      since >= this.#server.recoverableFrom &&
      since <= job.view.seq;
    this.channels.set(channel, job.view.seq);
    const publications = isRecovered
      ? job.events.slice(since).map((data: JobEvent) => ({ data, offset: data.seq }))
      : [{ data: job.snapshot, offset: job.view.seq }];
    const offset = isRecovered ? since : job.view.seq;
    this.#subscribed(id, job.epoch, offset, publications, wanted, isRecovered);
  }

  #subscribed(
    id: number | undefined,
    epoch: string,
    offset: number,
    publications: Publication[],
    wanted: { recover?: boolean },
    isRecovered: boolean,
  ): void {
    const subscribe = {
      ...(this.#server.delta ? { delta: true, publications: [] } : { publications }),
      epoch,
      offset,
      recoverable: true,
      positioned: true,
      was_recovering: wanted.recover === true,
      ...(isRecovered ? { recovered: true } : {}),
    };
    this.reply({ id, subscribe });
  }
}

export function problem(status: number, code: string, detail: string, headers = {}): Response {
  const body = { type: `urn:avance:error:${code}`, title: code, status, code, detail, params: {} };
  return new Response(JSON.stringify(body), { status, headers });
}

export function json(body: unknown): Response {
  return new Response(JSON.stringify(body), { status: 200 });
}
