import {
  type AvanceClient,
  type AvanceError,
  type ConnectionStatus,
  isSettled,
  isTerminal,
  type Job,
  type JobEntry,
  type JobHandle,
  type JobPhase,
  type JobRef,
  type JobState,
  type LogLine,
} from '@avance/client';
import { useEffect, useMemo, useState } from 'react';
import { useAvance } from './context.tsx';
import { CONNECTING, NO_ENTRY, type Source, useLatest, useSource } from './useSource.ts';

/** A job by id or handle; null or undefined while there is none yet. */
export type JobLike = string | JobHandle | null | undefined;

/** Why a job ended without completing, or cannot be followed. */
export type JobFailure = Pick<AvanceError, 'code' | 'message'>;

export interface UseJobOptions<R = unknown> {
  /** Keep this many of the last log lines; those from before the hook was there are fetched. */
  logs?: number;
  /** The job completed. Called once for each job. */
  onComplete?: (job: Job<R>) => void;
  /** The job failed, expired, was cancelled, or cannot be followed. Called once for each job. */
  onError?: (error: JobFailure, job: Job<R> | undefined) => void;
  /** Something changed. Called for each change, however often the screen is drawn. */
  onProgress?: (job: Job<R>) => void;
}

export interface UseJob<R = unknown> {
  job: Job<R> | undefined;
  state: JobState | undefined;
  /** null while no total is known. */
  percent: number | null;
  phase: string | null;
  phases: readonly JobPhase[];
  message: string | undefined;
  result: R | undefined;
  error: JobFailure | undefined;
  logs: readonly LogLine[];
  /** There is a job, and nothing is known of it yet. */
  isPending: boolean;
  isQueued: boolean;
  isRunning: boolean;
  isCompleted: boolean;
  isFailed: boolean;
  isCancelled: boolean;
  isDone: boolean;
  cancel: () => Promise<Job<R>>;
  retry: () => Promise<JobRef<R>>;
  connection: ConnectionStatus;
}

const NO_LINES: readonly LogLine[] = [];
const NO_PHASES: readonly JobPhase[] = [];

/** Follow a job. */
export function useJob<R = unknown>(like: JobLike, options: UseJobOptions<R> = {}): UseJob<R> {
  const client = useAvance();
  const ref = useJobRef<R>(client, like);
  const entry = useEntry(ref);
  const { status } = useSource(client.connection, CONNECTING);
  useCallbacks(ref, options);
  const isFetched = useHistory(ref, entry, options.logs !== undefined);
  const large = useLargeResult(ref, entry);
  const limit = options.logs ?? 0;
  return useMemo(() => {
    const logs = limit > 0 ? entry.logs.slice(-limit) : NO_LINES;
    const failure = isFetched ?? large.error;
    const shown = showJob(entry, ref !== undefined);
    return {
      ...shown,
      result: shown.result ?? large.result,
      error: shown.error ?? failure,
      logs,
      connection: status,
      cancel: () => existing(ref).cancel(),
      retry: () => existing(ref).retry(),
    };
  }, [entry, ref, status, limit, isFetched, large]);
}

type ShownJob<R> = Omit<UseJob<R>, 'logs' | 'connection' | 'cancel' | 'retry'>;

/** What an entry says, in words that a screen uses. */
export function showJob<R>({ job, error }: JobEntry<R>, isWanted: boolean): ShownJob<R> {
  const state = job?.state;
  const isDone = state !== undefined && isTerminal(state);
  return {
    job,
    state,
    percent: job?.progress.percent ?? null,
    phase: job?.progress.phase ?? null,
    phases: job?.phases ?? NO_PHASES,
    message: job?.progress.message ?? undefined,
    result: job?.result,
    error: error ?? (isDone && state !== 'completed' ? job?.error : undefined),
    isPending: isWanted && job === undefined && error === undefined,
    isQueued: state === 'scheduled' || state === 'queued',
    isRunning: state === 'running' || state === 'retrying',
    isCompleted: state === 'completed',
    isFailed: state === 'failed' || state === 'expired',
    isCancelled: state === 'cancelled',
    isDone,
  };
}

/** The same reference as long as the id and the token stay the same. */
export function useJobRef<R>(client: AvanceClient, like: JobLike): JobRef<R> | undefined {
  const { id, token } = typeof like === 'string' ? { id: like, token: undefined } : (like ?? {});
  return useMemo(() => {
    if (!id) return undefined;
    return client.job<R>(token === undefined ? id : { id, token });
  }, [client, id, token]);
}

export function useEntry<R>(ref: JobRef<R> | undefined): JobEntry<R> {
  return useSource<JobEntry>(ref ?? NOTHING, NO_ENTRY) as JobEntry<R>;
}

/** Fetch what was said before; gives the error if that failed. */
export function useHistory(
  ref: JobRef<unknown> | undefined,
  { job, hasHistory }: JobEntry,
  isWanted: boolean,
): AvanceError | undefined {
  const [error, setError] = useState<AvanceError>();
  const isDue = isWanted && job !== undefined && !hasHistory;
  useEffect(() => {
    if (isDue) ref?.loadHistory().then(() => setError(undefined), setError);
  }, [ref, isDue]);
  return error;
}

const NOTHING: Source<JobEntry> = { subscribe: () => () => undefined, get: () => NO_ENTRY };

function useCallbacks<R>(ref: JobRef<R> | undefined, options: UseJobOptions<R>): void {
  const latest = useLatest(options);
  const [told] = useState(() => new Set<string>());
  useEffect(() => {
    if (ref === undefined) return undefined;
    let before: Job<R> | undefined;
    const check = (): void => {
      const entry = ref.get();
      const { job, error } = entry;
      const { onProgress, onComplete, onError } = latest.current;
      if (job !== undefined && job !== before) onProgress?.(job);
      before = job;
      // Strict mode runs this effect twice, and a component may come back to a job.
      if ((error === undefined && !isSettled(entry)) || told.has(ref.id)) return;
      told.add(ref.id);
      const failure = showJob(entry, true).error;
      if (failure !== undefined) onError?.(failure, job);
      else onComplete?.(job as Job<R>);
    };
    check();
    return ref.subscribe(check);
  }, [ref, latest, told]);
}

interface Large<R> {
  result?: R;
  error?: AvanceError;
}

// A large result is told by its address alone.
function useLargeResult<R>(ref: JobRef<R> | undefined, { job }: JobEntry<R>): Large<R> {
  const [large, setLarge] = useState<Large<R>>({});
  const url = job?.state === 'completed' ? job.result_url : undefined;
  useEffect(() => {
    if (ref === undefined || url === undefined) return undefined;
    const abort = new AbortController();
    ref.done({ signal: abort.signal }).then(
      (result) => setLarge({ result }),
      (error: AvanceError) => {
        if (!abort.signal.aborted) setLarge({ error });
      },
    );
    return () => {
      abort.abort();
      setLarge({});
    };
  }, [ref, url]);
  return large;
}

function existing<R>(ref: JobRef<R> | undefined): JobRef<R> {
  if (ref === undefined) throw new Error('there is no job yet: useJob was given null');
  return ref;
}
