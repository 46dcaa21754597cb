import type { AvanceError } from '@avance/client';
import { type UseJob, useJob } from '@avance/react';
import { type ReactNode, Suspense, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useI18n } from '../../i18n/I18n.tsx';
import { nameOf, shownPercent } from '../../lib/job.ts';
import { later } from '../../lib/staleAssets.ts';
import { useChanges } from '../../lib/useChanges.ts';
import { useKeys } from '../../lib/useKeys.ts';
import { useOnline } from '../../lib/useOnline.ts';
import { useTitle } from '../../lib/useTitle.ts';
import { Elapsed } from '../../widgets/Elapsed.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { JobBar } from '../../widgets/JobBar.tsx';
import { Notice } from '../../widgets/Notice.tsx';
import { ResultView } from '../../widgets/ResultView.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { StateMark } from '../../widgets/StateMark.tsx';
import { CopyButton } from './CopyButton.tsx';
import { Details } from './Details.tsx';
import css from './Job.module.css';
import { Log } from './Log.tsx';
import { Phases } from './Phases.tsx';

const LOG_LINES = 10_000;

const Input = later(async () => (await import('./Input.tsx')).Input);
const Timeline = later(async () => (await import('./Timeline.tsx')).Timeline);
const Frames = later(async () => (await import('./Frames.tsx')).Frames);

export function JobScreen({ id }: { id: string }) {
  const { t } = useI18n();
  const followed = useJob(id, { logs: LOG_LINES });
  const { job, error } = followed;
  const title = job === undefined ? t('job.title') : nameOf(job);
  const percent = job === undefined || followed.isDone ? null : shownPercent(job);
  useTitle(
    percent === null
      ? title
      : `(${t('progress.percent', { percent: Math.floor(percent) })}) ${title}`,
  );
  useChanges(title, job?.state);
  return (
    <>
      <p className={css.back}>
        <Link href="/jobs">← {t('job.back')}</Link>
      </p>
      <h1>{job === undefined && error ? t('job.unknown') : title}</h1>
      {job !== undefined && <Shown id={id} followed={followed} />}
      {job === undefined && error === undefined && <Skeleton rows={3} />}
      {job === undefined && error !== undefined && (
        <Notice tone="error" title={t('job.unknownHint')}>
          <code>{id}</code>
          <p>{error.message}</p>
        </Notice>
      )}
    </>
  );
}

function Shown({ id, followed }: { id: string; followed: UseJob }) {
  const { t } = useI18n();
  const { job, error, phases, logs, isDone, isCompleted } = followed;
  if (job === undefined) return null;
  return (
    <div className={css.sections}>
      <section className={css.summary} data-testid="summary">
        <div className={css.state}>
          <StateMark state={job.state} />
          <span className={css.elapsed}>
            <Elapsed job={job} />
          </span>
          <Actions id={id} followed={followed} />
        </div>
        <JobBar job={job} />
      </section>
      {error && (
        <section>
          <h2>{t('job.error')}</h2>
          <div className={css.error}>
            <p>{error.message}</p>
            <code>{error.code}</code>
            {job.error?.traceback && (
              <details>
                <summary>{t('job.traceback')}</summary>
                <pre>{job.error.traceback}</pre>
                <CopyButton text={job.error.traceback} label={t('job.copyError')} />
              </details>
            )}
          </div>
        </section>
      )}
      {phases.length > 0 && <Phases phases={phases} />}
      {isCompleted && (
        <section>
          <h2>{t('job.result')}</h2>
          <ResultView id={id} value={followed.result} />
        </section>
      )}
      <Log lines={logs} isLive={!isDone} />
      <Details job={job} />
      <Fold title={t('job.timeline')}>
        <Timeline job={job} />
      </Fold>
      <Fold title={t('job.input')}>
        <Input id={id} />
      </Fold>
      <Fold title={t('job.frames')}>
        <Frames id={id} seq={job.seq} />
      </Fold>
    </div>
  );
}

// Read only when somebody looks.
function Fold({ title, children }: { title: string; children: ReactNode }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <section>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>{title}</summary>
        {isOpen && <Suspense fallback={<Skeleton rows={2} />}>{children}</Suspense>}
      </details>
    </section>
  );
}

function Actions({ id, followed }: { id: string; followed: UseJob }) {
  const { t } = useI18n();
  const [, navigate] = useLocation();
  const isOnline = useOnline();
  const [failure, setFailure] = useState<AvanceError>();
  const [isBusy, setBusy] = useState(false);
  const act = async (action: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    setFailure(undefined);
    await action().catch((error: AvanceError) => setFailure(error));
    setBusy(false);
  };
  const cancel = () => act(followed.cancel);
  const retry = () =>
    act(async () => navigate(`/jobs/${encodeURIComponent((await followed.retry()).id)}`));
  const canAct = isOnline && !isBusy;
  useKeys({
    c: () => void (!followed.isDone && canAct && cancel()),
    r: () => void (followed.isDone && canAct && retry()),
  });
  return (
    <div className={css.actions}>
      {followed.isDone ? (
        <button type="button" disabled={!canAct} onClick={() => void retry()}>
          {t('job.retry')}
        </button>
      ) : (
        <button type="button" disabled={!canAct} onClick={() => void cancel()}>
          {isBusy ? t('job.cancelling') : t('job.cancel')}
        </button>
      )}
      <CopyButton text={id} label={t('job.copyId')} />
      {failure && <ErrorNotice title={t('error.action')} error={failure} />}
    </div>
  );
}
