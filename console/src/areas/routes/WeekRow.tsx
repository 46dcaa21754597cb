import { useJob } from '@avance/react';
import { useEffect, useMemo } from 'react';
import { Link } from 'wouter';
import { useApi } from '../../lib/useApi.ts';
import { useRequest } from '../../lib/useRequest.ts';
import { JobBar } from '../../widgets/JobBar.tsx';
import { StateMark } from '../../widgets/StateMark.tsx';
import { bestOf, type Day } from './model.ts';
import { useTexts } from './texts.ts';
import type { WeekDay } from './useWeek.ts';

interface Planned {
  result?: { total_buses: number };
}

export interface WeekRowProps extends WeekDay {
  /** As soon as it is known, and whenever a better plan is. */
  onBuses: (day: Day, buses: number) => void;
}

/** One day: how far its plan is, how many buses it takes, and the way there. */
export function WeekRow({ day, job: id, onBuses }: WeekRowProps) {
  const { t } = useTexts();
  const { job, error, isCompleted } = useJob(id);
  const planned = useBuses(id, isCompleted);
  const buses = planned ?? bestOf(job?.progress.data)?.buses;
  useEffect(() => {
    if (buses !== undefined) onBuses(day, buses);
  }, [day, buses, onBuses]);
  const name = t(`day.${day}`);
  return (
    <tr data-day={day}>
      <th scope="row">{name}</th>
      <td>{job && <StateMark state={job.state} />}</td>
      <td>{job ? <JobBar job={{ ...job, title: name }} isCompact /> : error?.message}</td>
      <td>{buses ?? '–'}</td>
      <td>
        <Link href={`/routes/plans/${encodeURIComponent(id)}`}>
          {t('week.open', { day: name })}
        </Link>
      </td>
    </tr>
  );
}

/** The buses of a plan that is there, without the plan itself. */
function useBuses(id: string, isThere: boolean): number | undefined {
  const api = useApi();
  const ask = useMemo(
    () =>
      async (signal: AbortSignal): Promise<Planned> =>
        isThere ? api.get<Planned>(`/tasks/${encodeURIComponent(id)}`, undefined, { signal }) : {},
    [api, id, isThere],
  );
  return useRequest(ask).data?.result?.total_buses;
}
