import type { Options as CentrifugeOptions } from 'centrifuge';
import { Api } from './api.ts';
import { asAvanceError } from './errors.ts';
import { Feed } from './feed.ts';
import { type JobContext, JobRef } from './job.ts';
import { type JobFilter, type JobListContext, JobListRef, type JobsFollower } from './jobList.ts';
import { Connection, type Link, type Sink } from './link.ts';
import type { JobHandle } from './model.ts';
import { type JobEntry, takeView } from './reduce.ts';
import { SharedLink, sharedLocks } from './sharedLink.ts';
import { SocketLink, type Transport } from './socketLink.ts';
import { Store } from './store.ts';
import { type TokenSource, Tokens, userOf } from './tokens.ts';
import { Watches } from './watches.ts';
import type { SubmitRequest, Submitted } from './wire.ts';

export interface AvanceOptions {
  /** Where the server is; default: where the page came from. A path in it is kept. */
  url?: string;
  /** Of the page's user; a function is called again when the token has ended. */
  token?: TokenSource;
  /** `auto` falls back from WebSocket to http_stream, SSE and plain HTTP. */
  transport?: Transport;
  /** One connection for all tabs of this browser, where it has Web Locks; default true. */
  isShared?: boolean;
  /** Another token for the channel of a job, when the one of its handle has ended. */
  renewJobToken?: (channel: string) => Promise<string>;
  fetch?: typeof fetch;
  /** Passed on to the stock client, such as `websocket` where there is none. */
  centrifuge?: Partial<CentrifugeOptions>;
}

export type SubmitOptions = Omit<SubmitRequest, 'task' | 'params'>;

/** Follows jobs. Nothing is connected until something is watched. */
export class AvanceClient {
  readonly connection: Connection = new Connection();
  readonly api: Api;
  readonly #options: AvanceOptions;
  readonly #tokens: Tokens;
  readonly #store = new Store();
  readonly #watches = new Watches(() => this.#link());
  readonly #feed = new Feed(this.#store, this.#watches, this.connection);
  readonly #jobs: JobContext;
  readonly #lists: JobListContext;
  #opened: Link | undefined;

  constructor(options: AvanceOptions) {
    this.#options = options;
    this.#tokens = new Tokens(options.token);
    // Unbound, the fetch of a browser refuses to work.
    const fetcher = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    const api = new Api(() => this.url, this.#tokens, fetcher);
    const store = this.#store;
    this.api = api;
    this.#jobs = { api, store, watches: this.#watches, adopt: (one) => this.#adopt(one) };
    this.#lists = { api, store, followJobs: (follower) => this.#followJobs(follower) };
  }

  /** Where the server is, without a slash at the end. */
  get url(): string {
    const { url = '/' } = this.#options;
    return new URL(url, globalThis.location?.href).href.replace(/\/+$/, '');
  }

  /** The token of the page's user, if it has one; fetched anew when it has ended. */
  token(): Promise<string | undefined> {
    return this.#tokens.current();
  }

  /** Name a job by its id, or by the handle that a submit gave. */
  job<R = unknown>(job: string | JobHandle): JobRef<R> {
    return new JobRef<R>(this.#jobs, typeof job === 'string' ? { id: job } : job);
  }

  /** Lists of jobs. */
  get jobs(): { list: (filter?: JobFilter) => JobListRef } {
    return { list: (filter = {}) => new JobListRef(this.#lists, filter) };
  }

  /** Submit a task by name. */
  async submit<R = unknown>(
    task: string,
    params: Record<string, unknown> | unknown[] = {},
    options: SubmitOptions = {},
  ): Promise<JobRef<R>> {
    return this.#adopt<R>(await this.api.submit({ ...options, task, params }));
  }

  /** Try again now, also after the server sent this client away. */
  reconnect(): void {
    this.#opened?.reconnect();
  }

  /** Close the connection; what is watched later opens another. */
  close(): void {
    this.#watches.clear();
    this.#opened?.close();
    this.#opened = undefined;
    this.#feed.rest();
  }

  #adopt<R>({ channel: _, token_expires_at: __, urls: ___, ...submitted }: Submitted): JobRef<R> {
    const { token, ...view } = submitted;
    this.#store.update(view.id, (entry) => takeView(entry, view, { isFull: true }));
    return this.job<R>({ id: view.id, token });
  }

  #followJobs(follower: JobsFollower): () => void {
    const stop = this.#feed.follow(follower);
    let release: (() => void) | undefined;
    let isStopped = false;
    const watch = async (): Promise<void> => {
      const channel = `jobs:#${await this.#user()}`;
      if (!isStopped) release = this.#watches.add(channel);
    };
    watch().catch((error: unknown) => follower.onError(asAvanceError(error)));
    return () => {
      isStopped = true;
      stop();
      release?.();
    };
  }

  async #user(): Promise<string> {
    // Without a token the server is open, and it alone knows who everybody is there.
    return userOf(await this.#tokens.current()) ?? (await this.api.token()).user;
  }

  #link(): Link {
    if (this.#opened === undefined) {
      this.#feed.watchNetwork();
      const locks = this.#options.isShared === false ? undefined : sharedLocks();
      this.#opened = locks === undefined ? this.#socket(this.#feed) : this.#shared(locks);
    }
    return this.#opened;
  }

  #socket(sink: Sink): Link {
    const { transport = 'auto', centrifuge = {}, renewJobToken: renew } = this.#options;
    const position = (channel: string) => this.#feed.position(channel);
    const { api } = this;
    const base = this.url;
    const tokens = this.#tokens;
    return new SocketLink({ base, transport, tokens, renew, centrifuge, position, api }, sink);
  }

  #shared(locks: LockManager): Link {
    const feed = this.#feed;
    const options = {
      locks,
      // Tabs of different users must not hear each other.
      name: async () => `avance ${this.url} ${userOf(await this.#tokens.current()) ?? ''}`,
      open: (sink: Sink) => this.#socket(sink),
      position: (channel: string) => feed.position(channel),
      stateOf: (channel: string) => feed.known(channel),
      adopt: (channel: string, state: unknown) => feed.adopt(channel, state as JobEntry),
    };
    return new SharedLink(options, feed);
  }
}

/** Make a client. It touches neither network nor page before something is watched. */
export function createAvance(options: AvanceOptions = {}): AvanceClient {
  return new AvanceClient(options);
}
