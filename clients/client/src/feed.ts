import { NotFound } from './errors.ts';
import type { InboxFollower } from './inbox.ts';
import type { JobsFollower } from './jobList.ts';
import { CONNECTING, type SettableConnection, type Sink, type StreamPosition } from './link.ts';
import { enterEpoch, isSettled, type JobEntry, takeEvent, takeView } from './reduce.ts';
import type { Store } from './store.ts';
import type { Watches } from './watches.ts';
import type { InboxChannelEvent, JobChannelEvent, JobsChannelEvent } from './wire.ts';

const JOB = 'job:';
const INBOX = 'inbox:';

/** Brings what a link tells into the store. */
export interface Feed extends Sink {
  follow: (follower: JobsFollower) => () => void;
  followInbox: (follower: InboxFollower) => () => void;
  /** How far this page has come in a channel; undefined where it needs a snapshot. */
  position: (channel: string) => StreamPosition | undefined;
  /** What this page knows of a channel, without what cannot be copied to another tab. */
  known: (channel: string) => JobEntry | undefined;
  /** Take over what another tab knows, where it knows more. */
  adopt: (channel: string, state: JobEntry) => void;
  /** Tell an absent network at once, instead of after the next attempt. */
  watchNetwork: () => void;
  rest: () => void;
}

export function createFeed(store: Store, watches: Watches, shown: SettableConnection): Feed {
  const followers = new Set<JobsFollower>();
  const inboxes = new Set<InboxFollower>();
  let linked = CONNECTING;
  let network: AbortController | undefined;

  function update(channel: string, change: (entry: JobEntry) => JobEntry): void {
    const entry = store.update(channel.slice(JOB.length), change);
    // A list may have told of the end before; what the list leaves out is still on its way.
    if (isSettled(entry)) watches.settle(channel);
  }

  function listed(event: JobsChannelEvent): void {
    if (event.type === 'removed') {
      const error = new NotFound('job_not_found', 'the job was deleted', { status: 404 });
      store.update(event.job_id, (entry) => ({ ...entry, error }));
      return;
    }
    for (const view of event.type === 'snapshot' ? event.jobs : [event.job]) {
      store.update(view.id, (entry) => takeView(entry, view, { isFull: false }));
      for (const { onJob } of followers) onJob(view);
    }
  }

  // Whoever follows the list or the inbox hears of gaps and refusals alike.
  function followersOf(channel: string): Iterable<Pick<JobsFollower, 'onGap' | 'onError'>> {
    return channel.startsWith(INBOX) ? inboxes : followers;
  }

  function known(channel: string): JobEntry | undefined {
    const entry = isJob(channel) ? store.entry(channel.slice(JOB.length)) : undefined;
    return entry?.job ? { ...entry, error: undefined } : undefined;
  }

  const feed: Feed = {
    subscribed(channel, epoch, isRecovered) {
      if (isJob(channel)) update(channel, (entry) => enterEpoch(entry, epoch));
      else if (!isRecovered) for (const { onGap } of followersOf(channel)) onGap();
    },
    publication(channel, data) {
      if (isJob(channel)) update(channel, (entry) => takeEvent(entry, data as JobChannelEvent));
      else if (channel.startsWith(INBOX)) {
        for (const { onEvent } of inboxes) onEvent(data as InboxChannelEvent);
      } else listed(data as JobsChannelEvent);
    },
    refused(channel, error) {
      if (isJob(channel)) update(channel, (entry) => ({ ...entry, error }));
      else for (const { onError } of followersOf(channel)) onError(error);
    },
    connection(state) {
      linked = state;
      const isOff = state.status !== 'live' && globalThis.navigator?.onLine === false;
      shown.set(isOff ? { ...state, status: 'offline' } : state);
    },
    follow(follower) {
      followers.add(follower);
      return () => followers.delete(follower);
    },
    followInbox(follower) {
      inboxes.add(follower);
      return () => inboxes.delete(follower);
    },
    position(channel) {
      const entry = known(channel);
      return entry?.epoch ? { epoch: entry.epoch, offset: entry.offset } : undefined;
    },
    known,
    adopt(channel, state) {
      update(channel, (entry) =>
        entry.epoch === state.epoch && entry.offset >= state.offset ? entry : state,
      );
    },
    watchNetwork() {
      network = new AbortController();
      const { signal } = network;
      const tell = (): void => feed.connection(linked);
      globalThis.addEventListener?.('online', tell, { signal });
      globalThis.addEventListener?.('offline', tell, { signal });
    },
    rest() {
      network?.abort();
      feed.connection(CONNECTING);
    },
  };
  return feed;
}

function isJob(channel: string): boolean {
  return channel.startsWith(JOB);
}
