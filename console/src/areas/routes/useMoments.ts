import type { Job, JobEvent, JobEvents } from '@avance/client';
import { useCallback, useMemo, useState } from 'react';
import { useApi } from '../../lib/useApi.ts';
import { useRequest } from '../../lib/useRequest.ts';
import type { Moment } from './Chart.tsx';
import { type Best, bestOf } from './model.ts';

const MOMENTS_MAX = 500;
const MS_PER_S = 1000;

interface Told extends Best {
  seq: number;
  atMs: number;
}

export interface Moments {
  of: (job: Job) => readonly Moment[];
  note: (job: Job) => void;
}

/**
 * Buses found and buses proven over time: what the job told before this page came is read from its events, the rest is heard.
 */
export function useMoments(id: string): Moments {
  const api = useApi();
  const [heard, setHeard] = useState<readonly Told[]>([]);
  const note = useCallback((job: Job): void => {
    const best = bestOf(job.progress.data);
    if (best === undefined) return;
    const told = { ...best, seq: job.seq, atMs: Date.now() };
    setHeard((before) => [...before, told].slice(-MOMENTS_MAX));
  }, []);
  const ask = useMemo(
    () => (signal: AbortSignal) =>
      api.get<JobEvents>(`/v1/jobs/${encodeURIComponent(id)}/events`, undefined, { signal }),
    [api, id],
  );
  const { data } = useRequest(ask);
  const read = useMemo(() => ((data?.events ?? []) as JobEvent[]).flatMap(told), [data]);
  const of = (job: Job): readonly Moment[] => {
    const sinceMs = Date.parse(job.started_at ?? job.created_at);
    const readTo = read.at(-1)?.seq ?? 0;
    return [...read, ...heard.filter(({ seq }) => seq > readTo)]
      .filter((one, place, all) => !isSame(one, all[place - 1]))
      .map(({ atMs, ...best }) => ({ ...best, s: Math.max(0, (atMs - sinceMs) / MS_PER_S) }));
  };
  return { of, note };
}

function told(event: JobEvent): Told[] {
  if (event.type !== 'progress') return [];
  const best = bestOf(event.progress.data);
  return best === undefined ? [] : [{ ...best, seq: event.seq, atMs: Date.parse(event.ts) }];
}

function isSame(one: Best, other: Best | undefined): boolean {
  return one.buses === other?.buses && one.bound === other.bound;
}
