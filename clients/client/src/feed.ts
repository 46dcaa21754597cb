import type { AvanceError } from './errors.ts';
import type { JobsFollower } from './jobList.ts';
import {
  CONNECTING,
  type Connection,
  type ConnectionState,
  type Sink,
  type StreamPosition,
} from './link.ts';
import { isTerminal } from './model.ts';
import { enterEpoch, type JobEntry, takeEvent, takeView } from './reduce.ts';
import type { Store } from './store.ts';
import type { Watches } from './watches.ts';
import type { JobChannelEvent, JobsChannelEvent } from './wire.ts';

const JOB = 'job:';
const JOBS = 'jobs:';

/** Brings what a link tells into the store. */
export class Feed implements Sink {
  readonly #store: Store;
  readonly #watches: Watches;
  readonly #state: Connection;
  readonly #followers = new Set<JobsFollower>();
  #linked = CONNECTING;
  #network: AbortController | undefined;

  constructor(store: Store, watches: Watches, connection: Connection) {
    this.#store = store;
    this.#watches = watches;
    this.#state = connection;
  }

  subscribed(channel: string, epoch: string, isRecovered: boolean): void {
    if (channel.startsWith(JOB)) {
      this.#store.update(idOf(channel), (entry) => enterEpoch(entry, epoch));
    } else if (!isRecovered) {
      for (const { onGap } of this.#followers) onGap();
    }
  }

  publication(channel: string, data: unknown): void {
    if (channel.startsWith(JOBS)) this.#listed(data as JobsChannelEvent);
    if (!channel.startsWith(JOB)) return;
    const event = data as JobChannelEvent;
    const { job } = this.#store.update(idOf(channel), (entry) => takeEvent(entry, event));
    if (job !== undefined && isTerminal(job.state)) this.#watches.settle(channel);
  }

  refused(channel: string, error: AvanceError): void {
    if (channel.startsWith(JOB)) {
      this.#store.update(idOf(channel), (entry) => ({ ...entry, error }));
    } else {
      for (const { onError } of this.#followers) onError(error);
    }
  }

  connection(state: ConnectionState): void {
    this.#linked = state;
    const isOff = state.status !== 'live' && globalThis.navigator?.onLine === false;
    this.#state.set(isOff ? { ...state, status: 'offline' } : state);
  }

  follow(follower: JobsFollower): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** How far this page has come in a channel; undefined where it needs a snapshot. */
  position(channel: string): StreamPosition | undefined {
    const entry = this.known(channel);
    return entry?.epoch ? { epoch: entry.epoch, offset: entry.offset } : undefined;
  }

  /** What this page knows of a channel, without what cannot be copied to another tab. */
  known(channel: string): JobEntry | undefined {
    if (!channel.startsWith(JOB)) return undefined;
    const entry = this.#store.entry(idOf(channel));
    return entry.job === undefined ? undefined : { ...entry, error: undefined };
  }

  /** Take over what another tab knows, where it knows more. */
  adopt(channel: string, state: JobEntry): void {
    this.#store.update(idOf(channel), (entry) =>
      entry.epoch === state.epoch && entry.offset >= state.offset ? entry : state,
    );
    if (state.job !== undefined && isTerminal(state.job.state)) this.#watches.settle(channel);
  }

  /** Tell an absent network at once, instead of after the next attempt. */
  watchNetwork(): void {
    this.#network ??= new AbortController();
    const { signal } = this.#network;
    const tell = (): void => this.connection(this.#linked);
    globalThis.addEventListener?.('online', tell, { signal });
    globalThis.addEventListener?.('offline', tell, { signal });
  }

  rest(): void {
    this.#network?.abort();
    this.#network = undefined;
    this.connection(CONNECTING);
  }

  #listed(event: JobsChannelEvent): void {
    const views = event.type === 'snapshot' ? event.jobs : [event.job];
    for (const view of views) {
      this.#store.update(view.id, (entry) => takeView(entry, view, { isFull: false }));
      for (const { onJob } of this.#followers) onJob(view);
    }
  }
}

function idOf(channel: string): string {
  return channel.slice(JOB.length);
}
