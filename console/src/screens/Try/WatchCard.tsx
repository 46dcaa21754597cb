import { useJob } from '@avance/react';
import { Suspense, useState } from 'react';
import { Link } from 'wouter';
import { useToast } from '../../app/Toasts.tsx';
import { useI18n } from '../../i18n/I18n.tsx';
import { nameOf } from '../../lib/job.ts';
import { later } from '../../lib/staleAssets.ts';
import { useChanges } from '../../lib/useChanges.ts';
import { Elapsed } from '../../widgets/Elapsed.tsx';
import { JobBar } from '../../widgets/JobBar.tsx';
import { ResultView } from '../../widgets/ResultView.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { StateMark } from '../../widgets/StateMark.tsx';
import css from './Try.module.css';

const SideBySide = later(async () => (await import('./SideBySide.tsx')).SideBySide);

export function WatchCard({ id }: { id: string }) {
  const { t } = useI18n();
  const toast = useToast();
  const [isOpen, setOpen] = useState(false);
  const { job, result, error, isDone, isCompleted, cancel } = useJob(id, {
    // Somebody who just asked for it wants to know at once.
    onError: ({ message }, ended) => {
      if (ended?.state !== 'cancelled') toast({ tone: 'error', text: message });
    },
  });
  useChanges(job === undefined ? id : nameOf(job), job?.state);
  return (
    <li className={css.panel} data-job={id}>
      {job && (
        <>
          <div className={css.cardHead}>
            <StateMark state={job.state} />
            <Link href={`/jobs/${encodeURIComponent(id)}`}>{nameOf(job)}</Link>
            <span className={css.note}>
              <Elapsed job={job} />
            </span>
            {!isDone && (
              // A cancel that is refused leaves the job as it is, and the next event says how.
              <button type="button" onClick={() => void cancel().catch(() => undefined)}>
                {t('job.cancel')}
              </button>
            )}
          </div>
          <JobBar job={job} />
        </>
      )}
      {error && <p className={css.problem}>{error.message}</p>}
      {isCompleted && <ResultView id={id} value={result} />}
      {job && (
        <details onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary>{t('job.frames')}</summary>
          {isOpen && (
            <Suspense fallback={<Skeleton rows={2} />}>
              <SideBySide id={id} seq={job.seq} />
            </Suspense>
          )}
        </details>
      )}
    </li>
  );
}
