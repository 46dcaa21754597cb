import type { AvanceError, Job } from '@avance/client';
import { useEffect, useMemo, useRef } from 'react';
import { useApi } from '../../lib/useApi.ts';
import { useRequest } from '../../lib/useRequest.ts';
import { DAYS, type Day } from './model.ts';

export interface WeekDay {
  day: Day;
  /** The job that plans it. */
  job: string;
}

interface Told {
  result?: { result?: { days?: Partial<Record<Day, string>> } } | null;
}

/**
 * The job of each day. The week names them as soon as it has started them, which no event tells while they run: it is read at each event until
 * they are there.
 */
export function useWeekDays(
  id: string,
  job: Job | undefined,
): { days: readonly WeekDay[] | undefined; error: AvanceError | undefined } {
  const api = useApi();
  const ask = useMemo(
    () => (signal: AbortSignal) =>
      api.get<Told>(`/v1/jobs/${encodeURIComponent(id)}`, undefined, { signal }),
    [api, id],
  );
  const { data, error, isLoading, again } = useRequest(ask);
  const named = data?.result?.result?.days;
  const asked = useRef<number>(undefined);
  const seq = job?.seq;
  useEffect(() => {
    if (named !== undefined || isLoading || seq === asked.current) return;
    asked.current = seq;
    again();
  }, [named, isLoading, seq, again]);
  const days = useMemo(
    () =>
      named &&
      DAYS.flatMap((day) => {
        const child = named[day];
        return child === undefined ? [] : [{ day, job: child }];
      }),
    [named],
  );
  return { days, error };
}
