import type { Options as CentrifugeOptions } from 'centrifuge';
import { Api } from './api.ts';
import { type AvanceError, asAvanceError } from './errors.ts';
import { createFeed } from './feed.ts';
import { createInbox, type Inbox, type InboxFollower } from './inbox.ts';
import { JobRef } from './job.ts';
import type { JobFilter } from './jobFilter.ts';
import { createJobList, type JobListRef, type JobsFollower } from './jobList.ts';
import { type Connection, createConnection, type Link, type Sink } from './link.ts';
import { sharedLocks } from './lock.ts';
import type { JobHandle } from './model.ts';
import { takeView } from './reduce.ts';
import { shareLink } from './sharedLink.ts';
import { openSocket, type Transport } from './socketLink.ts';
import { createStore } from './store.ts';
import { createTokens, type TokenSource, userOf } from './tokens.ts';
import { createWatches } from './watches.ts';
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
export interface AvanceClient {
  readonly connection: Connection;
  /** The REST side of the server. */
  readonly api: Api;
  /** Where the server is, without a slash at the end. */
  readonly url: string;
  /** The token of the page's user, if it has one; fetched anew when it has ended. */
  token(): Promise<string | undefined>;
  /** Name a job by its id, or by the handle that a submit gave. */
  job<R = unknown>(job: string | JobHandle): JobRef<R>;
  /** Lists of jobs. */
  readonly jobs: { list: (filter?: JobFilter) => JobListRef };
  /** The notifications of the page's user. */
  readonly inbox: Inbox;
  /** Submit a task by name. */
  submit<R = unknown>(
    task: string,
    params?: Record<string, unknown> | unknown[],
    options?: SubmitOptions,
  ): Promise<JobRef<R>>;
  /** Try again now, also after the server sent this client away. */
  reconnect(): void;
  /** Close the connection; what is watched later opens another. */
  close(): void;
}

/** Make a client. It touches neither network nor page before something is watched. */
export function createAvance(options: AvanceOptions = {}): AvanceClient {
  const tokens = createTokens(options.token);
  // Unbound, the fetch of a browser refuses to work.
  const fetcher = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  const api = new Api(baseUrl, tokens, fetcher);
  const store = createStore();
  const connection = createConnection();
  const watches = createWatches(link);
  const feed = createFeed(store, watches, connection);
  let opened: Link | undefined;
  let nobodyIs: Promise<string> | undefined;

  function baseUrl(): string {
    return new URL(options.url ?? '/', globalThis.location?.href).href.replace(/\/+$/, '');
  }

  function job<R>(named: string | JobHandle): JobRef<R> {
    const handle = typeof named === 'string' ? { id: named } : named;
    return new JobRef<R>({ api, store, watches, adopt }, handle);
  }

  function adopt<R>(submitted: Submitted): JobRef<R> {
    const { token, channel: _, token_expires_at: __, urls: ___, ...view } = submitted;
    store.update(view.id, (entry) => takeView(entry, view, { isFull: true }));
    return job<R>({ id: view.id, token });
  }

  function followJobs(follower: JobsFollower): () => void {
    return followOwn('jobs', feed.follow(follower), follower.onError);
  }

  function followInbox(follower: InboxFollower): () => void {
    return followOwn('inbox', feed.followInbox(follower), follower.onError);
  }

  function followOwn(
    kind: string,
    stop: () => void,
    onError: (error: AvanceError) => void,
  ): () => void {
    let release: (() => void) | undefined;
    let isStopped = false;
    const watch = async (): Promise<void> => {
      const channel = `${kind}:#${await user()}`;
      if (!isStopped) release = watches.add(channel);
    };
    watch().catch((error: unknown) => onError(asAvanceError(error)));
    return () => {
      isStopped = true;
      stop();
      release?.();
    };
  }

  async function user(): Promise<string> {
    const known = userOf(await tokens.current());
    if (known !== undefined) return known;
    // Without a token the server is open, and it alone knows who everybody is there: asked once, for lists and inbox alike.
    nobodyIs ??= api.token().then(
      (answer) => answer.user,
      (error: unknown) => {
        nobodyIs = undefined;
        throw error;
      },
    );
    return nobodyIs;
  }

  function link(): Link {
    if (!opened) {
      feed.watchNetwork();
      const locks = options.isShared === false ? undefined : sharedLocks();
      opened = locks ? shared(locks) : socket(feed);
    }
    return opened;
  }

  function socket(sink: Sink): Link {
    const { transport = 'auto', centrifuge = {}, renewJobToken: renew } = options;
    const { position } = feed;
    const base = baseUrl();
    return openSocket({ base, transport, tokens, renew, centrifuge, position, api }, sink);
  }

  function shared(locks: LockManager): Link {
    // Tabs of different users must not hear each other.
    const name = async (): Promise<string> =>
      `avance ${baseUrl()} ${userOf(await tokens.current()) ?? ''}`;
    return shareLink({ ...feed, locks, name, open: socket }, feed);
  }

  return {
    connection,
    api,
    get url() {
      return baseUrl();
    },
    token: tokens.current,
    job,
    jobs: { list: (filter = {}) => createJobList({ api, store, followJobs }, filter) },
    inbox: createInbox({ api, follow: followInbox }),
    submit: async (task, params = {}, more = {}) =>
      adopt(await api.submit({ ...more, task, params })),
    reconnect: () => opened?.reconnect(),
    close() {
      nobodyIs = undefined;
      watches.clear();
      opened?.close();
      opened = undefined;
      feed.rest();
    },
  };
}
