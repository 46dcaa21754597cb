import { useJob, useJobs } from '@avance/react';
import { useEffect, useMemo, useRef } from 'react';
import { useApi } from '../../lib/useApi.ts';
import { type RequestState, useRequest } from '../../lib/useRequest.ts';
import type { BatchStanding } from './model.ts';

/** A thousand files end faster than anybody reads; the numbers are read so often at most. */
const EVERY_MS = 400;
const RUNNING_MAX = 200;

/** A batch with the first `limit` of its files, read again whenever its job moves. */
export function useBatch(id: string, limit: number): RequestState<BatchStanding> {
  const api = useApi();
  const ask = useMemo(
    () => (signal: AbortSignal) =>
      api.get<BatchStanding>(
        `/batch/${encodeURIComponent(id)}/status`,
        { limit },
        {
          signal,
        },
      ),
    [api, id, limit],
  );
  const state = useRequest(ask);
  const { job } = useJob(state.data?.batch.job_id);
  // With its id: a batch that is tried again has another job, which may have made as many steps as the one before.
  useFollowed(state, job && `${job.id} ${job.seq}`);
  return state;
}

/** The jobs that read a file of the batch now. */
export function useRunning(batchJob: string | null) {
  const { jobs } = useJobs({
    parent: batchJob ?? 'none',
    state: ['running', 'retrying'],
    limit: RUNNING_MAX,
  });
  return useMemo(() => new Map(jobs.map((job) => [job.id, job])), [jobs]);
}

function useFollowed(state: RequestState<unknown>, moment: string | undefined): void {
  const latest = useRef(state);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    latest.current = state;
  });
  useEffect(() => {
    if (moment === undefined || timer.current !== undefined) return;
    const ask = (): void => {
      // Asking again would abort an answer that is on its way, and on a slow network none would ever come.
      timer.current = latest.current.isLoading ? setTimeout(ask, EVERY_MS) : undefined;
      if (timer.current === undefined) latest.current.again();
    };
    timer.current = setTimeout(ask, EVERY_MS);
  }, [moment]);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );
}
