import type { Api } from './api.ts';
import { type AvanceError, asAvanceError } from './errors.ts';
import { asJob, type Job } from './model.ts';
import { takeView } from './reduce.ts';
import type { Store } from './store.ts';
import { Subscribable } from './subscribable.ts';
import type { JobState, JobView, ListQuery } from './wire.ts';

export interface JobFilter extends Omit<ListQuery, 'cursor' | 'state'> {
  state?: JobState | readonly JobState[];
}

export interface JobListState {
  readonly jobs: readonly Job[];
  readonly hasMore: boolean;
  readonly isLoading: boolean;
  readonly error: AvanceError | undefined;
}

export interface JobListContext {
  api: Api;
  store: Store;
  followJobs(follower: JobsFollower): () => void;
}

/** Who hears what comes on the channel of the user's jobs. */
export interface JobsFollower {
  onJob: (view: JobView) => void;
  /** Something may have been missed; the snapshot that follows holds the newest jobs. */
  onGap: () => void;
  onError: (error: AvanceError) => void;
}

/** What the server gives at most in one page, and in a snapshot of the channel. */
const PAGE_MAX = 200;
const SNAPSHOT_JOBS = 100;
const PAGE_DEFAULT = 50;

const EMPTY: JobListState = { jobs: [], hasMore: false, isLoading: true, error: undefined };

/** The jobs that fit a filter, the newest first, live while somebody listens. */
export class JobListRef extends Subscribable {
  readonly #context: JobListContext;
  readonly #filter: JobFilter;
  readonly #ids = new Set<string>();
  /** Placed by an event since the last read began. */
  readonly #arrived = new Set<string>();
  #state: JobListState = EMPTY;
  #isStale = false;
  #cursor: string | undefined;
  #oldest = '';
  #release: (() => void) | undefined;
  #loading: Promise<void> | undefined;

  constructor(context: JobListContext, filter: JobFilter) {
    super();
    this.#context = context;
    this.#filter = filter;
  }

  /** What is known now; the same object until something changed. */
  readonly get = (): JobListState => {
    if (this.#isStale) {
      this.#isStale = false;
      this.#state = { ...this.#state, jobs: this.#rows() };
    }
    return this.#state;
  };

  /** Load the next page. */
  readonly fetchMore = (): Promise<void> => {
    if (this.#loading !== undefined || this.#cursor === undefined) {
      return this.#loading ?? Promise.resolve();
    }
    return this.#load(this.#cursor);
  };

  /** Load the first page again. */
  readonly refetch = async (): Promise<void> => {
    await this.#loading;
    await this.#load(undefined);
  };

  protected override onFirst(): void {
    const stop = this.#context.store.onChange(({ id, job }) => {
      if (job !== undefined && this.#ids.has(id)) this.#place(job);
    });
    const release = this.#context.followJobs({
      onJob: (view) => this.#place(asJob(view)),
      onGap: () => {
        if (this.#ids.size > SNAPSHOT_JOBS) void this.refetch();
      },
      onError: (error) => this.#set({ error }),
    });
    this.#release = () => {
      stop();
      release();
    };
    void this.refetch();
  }

  protected override onNone(): void {
    this.#release?.();
    this.#release = undefined;
  }

  async #load(cursor: string | undefined): Promise<void> {
    this.#set({ isLoading: true });
    this.#loading = this.#page(cursor);
    await this.#loading;
    this.#loading = undefined;
  }

  async #page(cursor: string | undefined): Promise<void> {
    const { state, limit = PAGE_DEFAULT, ...rest } = this.#filter;
    const states = state === undefined ? undefined : [state].flat().join(',');
    const isFirst = cursor === undefined;
    const wanted = isFirst ? Math.max(limit, Math.min(this.#ids.size, PAGE_MAX)) : limit;
    const query = { ...rest, limit: wanted, state: states, cursor } as ListQuery;
    this.#arrived.clear();
    try {
      const page = await this.#context.api.jobs(query);
      if (isFirst) this.#ids.clear();
      for (const view of page.jobs) {
        this.#ids.add(view.id);
        this.#context.store.update(view.id, (entry) => takeView(entry, view, { isFull: false }));
      }
      this.#cursor = page.cursor ?? undefined;
      this.#oldest = page.jobs.at(-1)?.created_at ?? this.#oldest;
      this.#isStale = true;
      this.#set({ isLoading: false, hasMore: page.cursor !== null, error: undefined });
      // What came while the page was read is not in it.
      for (const id of this.#arrived) {
        const { job } = this.#context.store.entry(id);
        if (job !== undefined) this.#place(job);
      }
    } catch (error) {
      this.#set({ isLoading: false, error: asAvanceError(error) });
    }
  }

  #place(job: Job): void {
    const isKnown = this.#ids.has(job.id);
    const fits = fitsFilter(job, this.#filter);
    // What is older than the last page that was loaded comes with a later page.
    if (!isKnown && (!fits || (this.#state.hasMore && job.created_at < this.#oldest))) return;
    if (fits) this.#ids.add(job.id);
    else this.#ids.delete(job.id);
    if (fits && !isKnown) this.#arrived.add(job.id);
    this.#isStale = true;
    this.notify();
  }

  #rows(): readonly Job[] {
    const rows: Job[] = [];
    for (const id of this.#ids) {
      const { job } = this.#context.store.entry(id);
      if (job !== undefined) rows.push(job);
    }
    return rows.sort(newestFirst);
  }

  #set(change: Partial<JobListState>): void {
    this.#state = { ...this.#state, ...change };
    this.notify();
  }
}

function newestFirst(a: Job, b: Job): number {
  if (a.created_at !== b.created_at) return a.created_at < b.created_at ? 1 : -1;
  return a.id < b.id ? 1 : -1;
}

/** Whether a job belongs in a list, by the rules of `GET /v1/jobs`. */
export function fitsFilter(job: Job, filter: JobFilter): boolean {
  const { state, kind, tag, owner, parent, text, created_after, created_before } = filter;
  return (
    (state === undefined || [state].flat().includes(job.state)) &&
    (kind === undefined || job.kind === kind) &&
    (tag === undefined || (job.tags ?? []).includes(tag)) &&
    (owner === undefined || job.owner === owner) &&
    (parent === undefined || job.parent_id === parent) &&
    (text === undefined || hasText(job, text)) &&
    (created_after === undefined || Date.parse(job.created_at) >= Date.parse(created_after)) &&
    (created_before === undefined || Date.parse(job.created_at) < Date.parse(created_before))
  );
}

function hasText(job: Job, text: string): boolean {
  const wanted = text.toLowerCase();
  return (job.title ?? '').toLowerCase().includes(wanted) || job.id.startsWith(wanted);
}
