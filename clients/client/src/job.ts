import type { Api, RequestOptions } from './api.ts';
import { TaskFailed } from './errors.ts';
import type { Job, JobHandle } from './model.ts';
import { isSettled, type JobEntry, takeHistory, takeView } from './reduce.ts';
import type { Store } from './store.ts';
import type { Watches } from './watches.ts';
import type { JobEvent, JobView, Submitted } from './wire.ts';

const HISTORY_PAGE = 500;
/** Events that are fetched for lines and chunks from before the first snapshot. */
const HISTORY_PAGES_MAX = 40;

export interface JobContext {
  api: Api;
  store: Store;
  watches: Watches;
  adopt<R>(submitted: Submitted): JobRef<R>;
}

/** One job, by its id: an external store, and what can be done with the job. */
export class JobRef<R = unknown> implements JobHandle {
  readonly id: string;
  readonly token?: string;
  readonly #context: JobContext;
  #history: Promise<void> | undefined;

  constructor(context: JobContext, { id, token }: JobHandle) {
    this.#context = context;
    this.id = id;
    if (token !== undefined) this.token = token;
  }

  get channel(): string {
    return `job:${this.id}`;
  }

  /** Follow the job and hear of each change, until the answer is called. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const { store, watches } = this.#context;
    const stop = store.subscribe(this.id, listener);
    const release = isSettled(this.get()) ? noop : watches.add(this.channel, { token: this.token });
    return () => {
      stop();
      release();
    };
  };

  /** What is known now; the same object until something changed. */
  readonly get = (): JobEntry<R> => this.#context.store.entry(this.id) as JobEntry<R>;

  /** Read the job from the server, without following it. */
  async fetch(): Promise<Job<R>> {
    const view = await this.#context.api.job(this.id, this.#access());
    return this.#take(view);
  }

  /** Cancel; it is cancelled when this resolves. */
  async cancel(): Promise<Job<R>> {
    const view = await this.#context.api.cancel(this.id, this.#access());
    return this.#take(view);
  }

  /** Submit the same work again, as a new job. */
  async retry(): Promise<JobRef<R>> {
    return this.#context.adopt(await this.#context.api.retry(this.id, this.#access()));
  }

  /** Forget a finished job on the server. */
  delete(): Promise<void> {
    return this.#context.api.delete(this.id, this.#access());
  }

  /**
   * Follow to the end and give the result.
   *
   * Throws `TaskFailed` when the job ends otherwise, and what keeps it from being followed.
   */
  async done({ signal }: { signal?: AbortSignal } = {}): Promise<R> {
    const { job } = await this.#settled(signal);
    if (job === undefined || job.state !== 'completed') throw new TaskFailed(job as Job<R>);
    if (job.result_url === undefined) return job.result as R;
    return (await this.#context.api.result(this.id, { ...this.#access(), signal })) as R;
  }

  /** Fetch the lines and chunks from before the job was followed. */
  loadHistory(): Promise<void> {
    if (this.get().hasHistory) return Promise.resolve();
    this.#history ??= this.#loadHistory().finally(() => {
      this.#history = undefined;
    });
    return this.#history;
  }

  async #loadHistory(): Promise<void> {
    const events: JobEvent[] = [];
    let since = 0;
    for (let page = 0; page < HISTORY_PAGES_MAX; page += 1) {
      const query = { since, limit: HISTORY_PAGE };
      const answer = await this.#context.api.events(this.id, query, this.#access());
      events.push(...(answer.events as JobEvent[]));
      since = events.at(-1)?.seq ?? answer.offset;
      if (!answer.has_more) break;
    }
    this.#context.store.update(this.id, (entry) => takeHistory(entry, events));
  }

  #settled(signal: AbortSignal | undefined): Promise<JobEntry<R>> {
    return new Promise((resolve, reject) => {
      const stop = this.subscribe(() => check());
      const end = (finish: () => void): void => {
        stop();
        signal?.removeEventListener('abort', abort);
        finish();
      };
      const abort = (): void => end(() => reject(signal?.reason));
      const check = (): void => {
        const entry = this.get();
        if (isSettled(entry)) end(() => resolve(entry));
        else if (entry.error !== undefined) end(() => reject(entry.error));
      };
      signal?.addEventListener('abort', abort);
      if (signal?.aborted) abort();
      else check();
    });
  }

  #take(view: JobView): Job<R> {
    this.#context.store.update(this.id, (known) => takeView(known, view, { isFull: true }));
    return this.get().job as Job<R>;
  }

  #access(): RequestOptions {
    return { token: this.token };
  }
}

function noop(): void {}
