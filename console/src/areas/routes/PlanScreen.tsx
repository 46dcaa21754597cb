import { AvanceError } from '@avance/client';
import { useJob } from '@avance/react';
import { useMemo, useState } from 'react';
import { Link } from 'wouter';
import { nameOf } from '../../lib/job.ts';
import { useApi } from '../../lib/useApi.ts';
import { useRequest } from '../../lib/useRequest.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { JobBar } from '../../widgets/JobBar.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { StateMark } from '../../widgets/StateMark.tsx';
import { AreaHead } from '../AreaHead.tsx';
import type { ScreenProps } from '../registry.ts';
import { Chart } from './Chart.tsx';
import { Gantt } from './Gantt.tsx';
import { type Answer, revisionOf } from './model.ts';
import { Plan } from './Plan.tsx';
import css from './Routes.module.css';
import { useTexts } from './texts.ts';
import { useLivePlan } from './useLivePlan.ts';
import { useMoments } from './useMoments.ts';

/** One optimization: live while it runs, and its plan at the end. */
export function PlanScreen({ params: { id = '' } }: ScreenProps) {
  return <Followed key={id} id={id} />;
}

function Followed({ id }: { id: string }) {
  const { t } = useTexts();
  const moments = useMoments(id);
  const [refused, setRefused] = useState<AvanceError>();
  const { job, error, isDone, isCompleted, isCancelled, cancel } = useJob(id, {
    onProgress: moments.note,
  });
  const stop = async (): Promise<void> => {
    try {
      await cancel();
    } catch (thrown) {
      if (!(thrown instanceof AvanceError)) throw thrown;
      setRefused(thrown);
    }
  };
  return (
    <>
      <AreaHead area="routes" title={job === undefined ? t('plan') : nameOf(job)}>
        {job?.parent_id && (
          <Link href={`/routes/weeks/${encodeURIComponent(job.parent_id)}`}>{t('week.back')}</Link>
        )}
        <Link href="/routes">{t('back')}</Link>
      </AreaHead>
      <div className={css.plan}>
        {job === undefined && error === undefined && <Skeleton rows={3} />}
        {job !== undefined && (
          <section className={css.home}>
            <p className={css.row}>
              <StateMark state={job.state} />
              {!isDone && (
                <button type="button" onClick={() => void stop()}>
                  {t('cancel')}
                </button>
              )}
            </p>
            <JobBar job={job} />
          </section>
        )}
        {refused && <ErrorNotice title={t('cancel.failed')} error={refused} />}
        {error && !isCancelled && <ErrorNotice title={t('result.failed')} error={error} />}
        {job !== undefined && <Chart moments={moments.of(job)} />}
        {job !== undefined && !isDone && (
          <LiveGantt id={id} revision={revisionOf(job.progress.data)} seq={job.seq} />
        )}
        {(isCompleted || isCancelled) && <Ended id={id} isPartial={isCancelled} />}
      </div>
    </>
  );
}

interface LiveGanttProps {
  id: string;
  revision: number | undefined;
  seq: number;
}

function LiveGantt({ id, revision, seq }: LiveGanttProps) {
  const plan = useLivePlan(id, revision, seq);
  if (plan === undefined) return null;
  return (
    <div data-revision={plan.plan_rev}>
      <Gantt buses={plan.schedule} isLive />
    </div>
  );
}

function Ended({ id, isPartial }: { id: string; isPartial: boolean }) {
  const { t } = useTexts();
  const api = useApi();
  const ask = useMemo(
    () => (signal: AbortSignal) => api.get<Answer>(`/v1/jobs/${id}/result`, undefined, { signal }),
    [api, id],
  );
  const { data, error, again } = useRequest(ask);
  if (error) return <ErrorNotice title={t('result.failed')} error={error} onRetry={again} />;
  if (data === undefined) return <Skeleton rows={6} />;
  return (
    <>
      {isPartial && <p role="status">{t('result.partial')}</p>}
      <Plan id={id} answer={data} />
    </>
  );
}
