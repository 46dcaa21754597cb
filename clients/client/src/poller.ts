import type { Api } from './api.ts';
import { asAvanceError, ConnectionFailed } from './errors.ts';
import type { Access, Sink, StreamPosition } from './link.ts';
import { pause } from './pause.ts';
import type { JobChannelEvent, JobsChannelEvent } from './wire.ts';

export const POLL_INTERVAL_MS = 2_000;
const EVENTS_PER_POLL = 500;
const JOBS_PER_POLL = 100;

export interface PollerOptions {
  api: Api;
  position: (channel: string) => StreamPosition | undefined;
  /** The server answers again; a socket may have become possible. */
  onAnswer: () => void;
  /** Asked before each round, so that channels come and go. */
  channels: () => Iterable<readonly [string, Access]>;
}

/** Reads what a socket would bring, where only plain HTTP passes. */
export class Poller {
  readonly #options: PollerOptions;
  readonly #sink: Sink;
  #abort: AbortController | undefined;
  /** In a row. */
  #answers = 0;

  constructor(options: PollerOptions, sink: Sink) {
    this.#options = options;
    this.#sink = sink;
  }

  get isActive(): boolean {
    return this.#abort !== undefined;
  }

  start(): void {
    if (this.#abort !== undefined) return;
    this.#abort = new AbortController();
    this.#answers = 0;
    void this.#run(this.#abort.signal);
  }

  stop(): void {
    this.#abort?.abort();
    this.#abort = undefined;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#round(signal);
      await pause(POLL_INTERVAL_MS, signal);
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    for (const [channel, { token }] of [...this.#options.channels()]) {
      if (signal.aborted) return;
      try {
        if (channel.startsWith('job:')) await this.#job(channel, token, signal);
        else if (channel.startsWith('jobs:')) await this.#jobs(channel, signal);
        this.#answered(signal);
      } catch (error) {
        if (signal.aborted) return;
        const failure = asAvanceError(error);
        if (failure instanceof ConnectionFailed || failure.status >= 500) {
          this.#answers = 0;
          this.#tell('recovering', signal);
          return;
        }
        this.#sink.refused(channel, failure);
      }
    }
  }

  async #job(channel: string, token: string | undefined, signal: AbortSignal): Promise<void> {
    const id = channel.slice('job:'.length);
    const known = this.#options.position(channel);
    const query = { since: known?.offset ?? 0, limit: EVENTS_PER_POLL };
    const page = await this.#options.api.events(id, query, { token, signal });
    if (signal.aborted) return;
    const isGap = known === undefined || page.is_gap || page.epoch !== known.epoch;
    if (isGap) {
      const job = await this.#options.api.job(id, { token, signal });
      if (signal.aborted) return;
      const { seq, attempt } = job;
      this.#sink.subscribed(channel, page.epoch, false);
      this.#take(channel, {
        v: 1,
        seq,
        attempt,
        job,
        type: 'snapshot',
        job_id: id,
        ts: job.created_at,
      });
      return;
    }
    for (const event of page.events) this.#take(channel, event as JobChannelEvent);
    if (page.has_more) await this.#job(channel, token, signal);
  }

  async #jobs(channel: string, signal: AbortSignal): Promise<void> {
    const { jobs } = await this.#options.api.jobs({ limit: JOBS_PER_POLL }, { signal });
    if (!signal.aborted) this.#take(channel, { v: 1, seq: 0, type: 'snapshot', jobs });
  }

  #take(channel: string, event: JobChannelEvent | JobsChannelEvent): void {
    this.#sink.publication(channel, event);
  }

  #answered(signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#answers += 1;
    if (this.#answers === 1) this.#options.onAnswer();
    else this.#tell('polling', signal);
  }

  #tell(status: 'polling' | 'recovering', signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#sink.connection({ status, code: undefined, reason: undefined, isTerminal: false });
  }
}
