import { isTerminal, type Job, type JobFilter, type JobListState } from '@avance/client';
import { useMemo } from 'react';
import { useAvance } from './context.tsx';
import { useSource } from './useSource.ts';

export interface UseJobs extends JobListState {
  /** Those that have not ended. */
  active: readonly Job[];
  fetchMore: () => Promise<void>;
  refetch: () => Promise<void>;
}

const LOADING: JobListState = { jobs: [], hasMore: false, isLoading: true, error: undefined };

/** The jobs that fit a filter, the newest first, live. */
export function useJobs(filter: JobFilter = {}): UseJobs {
  const client = useAvance();
  // A filter is written anew in each render; what counts is what it says.
  const key = JSON.stringify(filter);
  const list = useMemo(() => client.jobs.list(JSON.parse(key) as JobFilter), [client, key]);
  const state = useSource(list, LOADING);
  return useMemo(() => {
    const active = state.jobs.filter((job) => !isTerminal(job.state));
    return { ...state, active, fetchMore: list.fetchMore, refetch: list.refetch };
  }, [state, list]);
}
