// Loaded on demand: it imports nothing but types, so that no other file is split for it.

import type { Api } from './api.ts';
import type { AvanceError } from './errors.ts';
import type { Access, ConnectionStatus, Sink, StreamPosition } from './link.ts';
import type { InboxChannelEvent, InboxPage, JobChannelEvent, JobsChannelEvent } from './wire.ts';

export const POLL_INTERVAL_MS = 2_000;
const EVENTS_PER_POLL = 500;
const JOBS_PER_POLL = 100;

export interface PollOptions {
  api: Api;
  sink: Sink;
  signal: AbortSignal;
  position: (channel: string) => StreamPosition | undefined;
  /** Asked before each round, so that channels come and go. */
  channels: () => Iterable<readonly [string, Access]>;
  /** The server answers, after it did not: a socket may have become possible. */
  onAnswer: () => void;
}

/** Read what a socket would bring, where only plain HTTP passes, until the signal says to stop. */
export async function poll(options: PollOptions): Promise<void> {
  const { signal, sink, onAnswer } = options;
  let answers = 0;
  const tell = (status: ConnectionStatus): void =>
    sink.connection({ status, code: undefined, reason: undefined, isTerminal: false });
  while (!signal.aborted) {
    const isAnswered = await round(options);
    if (signal.aborted) return;
    answers = isAnswered ? answers + 1 : 0;
    if (answers === 1) onAnswer();
    else tell(isAnswered ? 'polling' : 'recovering');
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

async function round(options: PollOptions): Promise<boolean> {
  const { api, sink, signal, channels } = options;
  const take = (
    channel: string,
    event: JobChannelEvent | JobsChannelEvent | InboxChannelEvent,
  ): void => {
    if (!signal.aborted) sink.publication(channel, event);
  };
  for (const [channel, { token }] of [...channels()]) {
    try {
      if (channel.startsWith('job:')) await readJob(options, take, channel, token);
      else if (channel.startsWith('jobs:')) {
        const { jobs } = await api.jobs({ limit: JOBS_PER_POLL }, { signal });
        take(channel, { v: 1, seq: 0, type: 'snapshot', jobs });
      } else if (channel.startsWith('inbox:')) {
        const { counts, notifications } = await api.request<InboxPage>('/v1/inbox', { signal });
        take(channel, { v: 1, seq: 0, type: 'snapshot', counts, notifications });
      }
    } catch (error) {
      const failure = error as AvanceError;
      // No answer, or one that blames the server.
      if (signal.aborted || !failure.status || failure.status >= 500) return false;
      sink.refused(channel, failure);
    }
  }
  return true;
}

async function readJob(
  options: PollOptions,
  take: (channel: string, event: JobChannelEvent) => void,
  channel: string,
  token: string | undefined,
): Promise<void> {
  const { api, sink, signal, position } = options;
  const access = { token, signal };
  const job_id = channel.slice('job:'.length);
  for (;;) {
    const known = position(channel);
    const query = { since: known?.offset ?? 0, limit: EVENTS_PER_POLL };
    const page = await api.events(job_id, query, access);
    if (known === undefined || page.is_gap || page.epoch !== known.epoch) {
      const job = await api.job(job_id, access);
      if (signal.aborted) return;
      const { seq, attempt, created_at: ts } = job;
      sink.subscribed(channel, page.epoch, false);
      take(channel, { v: 1, type: 'snapshot', job_id, seq, attempt, ts, job });
      return;
    }
    for (const event of page.events) take(channel, event as JobChannelEvent);
    if (!page.has_more || signal.aborted) return;
  }
}
