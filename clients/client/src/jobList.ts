import type { Api } from './api.ts';
import { type AvanceError, asAvanceError } from './errors.ts';
import { fitsFilter, type JobFilter } from './jobFilter.ts';
import { asJob, type Job } from './model.ts';
import { createNotifier } from './notifier.ts';
import { takeView } from './reduce.ts';
import type { Store } from './store.ts';
import type { JobView, ListQuery } from './wire.ts';

export interface JobListState {
  readonly jobs: readonly Job[];
  readonly hasMore: boolean;
  readonly isLoading: boolean;
  readonly error: AvanceError | undefined;
}

/** The jobs that fit a filter, the newest first, live while somebody listens. */
export interface JobListRef {
  readonly subscribe: (listener: () => void) => () => void;
  /** What is known now; the same object until something changed. */
  readonly get: () => JobListState;
  /** Load the next page. */
  readonly fetchMore: () => Promise<void>;
  /** Load again what is shown, from the first page. */
  readonly refetch: () => Promise<void>;
}

/** Who hears what comes on the channel of the user's jobs. */
export interface JobsFollower {
  onJob: (view: JobView) => void;
  /** Something may have been missed; the snapshot that follows holds the newest jobs. */
  onGap: () => void;
  onError: (error: AvanceError) => void;
}

export interface JobListContext {
  api: Api;
  store: Store;
  followJobs(follower: JobsFollower): () => void;
}

/** What the server gives at most in one page, and in a snapshot of the channel. */
const PAGE_MAX = 200;
const SNAPSHOT_JOBS = 100;
const PAGE_DEFAULT = 50;

export function createJobList(context: JobListContext, filter: JobFilter): JobListRef {
  const { api, store, followJobs } = context;
  const { state: states, limit = PAGE_DEFAULT, ...rest } = filter;
  const ids = new Set<string>();
  /** Placed by an event since the last read began. */
  const arrived = new Set<string>();
  let state: JobListState = { jobs: [], hasMore: false, isLoading: true, error: undefined };
  let isStale = false;
  let cursor: string | undefined;
  let oldest = '';
  let loading: Promise<void> | undefined;

  const { subscribe, notify } = createNotifier(() => {
    const stop = store.onChange(({ id, job, error }) => {
      if (job && ids.has(id)) place(job, error?.status !== 404);
    });
    const release = followJobs({
      onJob: (view) => place(asJob(view)),
      onGap: () => {
        if (ids.size > SNAPSHOT_JOBS) void refetch();
      },
      onError: (error) => set({ error }),
    });
    void refetch();
    return () => {
      stop();
      release();
    };
  });

  function get(): JobListState {
    if (isStale) {
      isStale = false;
      const jobs = [...ids].flatMap((id) => store.entry(id).job ?? []);
      state = { ...state, jobs: jobs.sort(newestFirst) };
    }
    return state;
  }

  function set(change: Partial<JobListState>): void {
    state = { ...state, ...change };
    notify();
  }

  async function fetchMore(): Promise<void> {
    if (loading === undefined && cursor !== undefined) load(cursor);
    await loading;
  }

  async function refetch(): Promise<void> {
    await loading;
    await load();
  }

  function load(from?: string): Promise<void> {
    set({ isLoading: true });
    loading = read(from).finally(() => {
      loading = undefined;
    });
    return loading;
  }

  async function read(from: string | undefined): Promise<void> {
    const shown = Math.min(ids.size, PAGE_MAX);
    const query = {
      ...rest,
      limit: from ? limit : Math.max(limit, shown),
      state: states && [states].flat().join(','),
      cursor: from,
    };
    arrived.clear();
    try {
      const page = await api.jobs(query as ListQuery);
      if (!from) ids.clear();
      for (const view of page.jobs) {
        ids.add(view.id);
        store.update(view.id, (entry) => takeView(entry, view, { isFull: false }));
        oldest = view.created_at;
      }
      cursor = page.cursor ?? undefined;
      isStale = true;
      set({ isLoading: false, hasMore: !!cursor, error: undefined });
      // What came while the page was read is not in it.
      for (const id of arrived) {
        const { job } = store.entry(id);
        if (job) place(job);
      }
    } catch (error) {
      set({ isLoading: false, error: asAvanceError(error) });
    }
  }

  function place(job: Job, isThere = true): void {
    const isKnown = ids.has(job.id);
    const fits = isThere && fitsFilter(job, filter);
    // What is older than the last page that was loaded comes with a later page.
    if (!isKnown && (!fits || (state.hasMore && job.created_at < oldest))) return;
    if (!fits) ids.delete(job.id);
    else if (!isKnown) {
      ids.add(job.id);
      arrived.add(job.id);
    }
    isStale = true;
    notify();
  }

  return { subscribe, get, fetchMore, refetch };
}

function newestFirst(a: Job, b: Job): number {
  return a.created_at + a.id < b.created_at + b.id ? 1 : -1;
}
