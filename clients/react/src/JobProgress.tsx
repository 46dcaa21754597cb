import type { ReactNode } from 'react';
import { useLocale } from './context.tsx';
import { JobRow } from './JobRow.tsx';
import type { Locale } from './locale.ts';
import { ProgressBar } from './ProgressBar.tsx';
import { sayIn } from './text.ts';
import { type JobLike, type UseJobOptions, useJob } from './useJob.ts';

export interface JobProgressProps extends UseJobOptions {
  job: JobLike;
  /** Instead of the title of the job. */
  label?: ReactNode;
  locale?: Locale;
  /** Offer to cancel while it runs. */
  canCancel?: boolean;
}

/** A job with its bar, from the first moment to the end. */
export function JobProgress({
  job: like,
  label,
  locale: own,
  canCancel,
  ...options
}: JobProgressProps): ReactNode {
  const locale = useLocale(own);
  const say = sayIn(locale);
  const { job, error, isPending, isDone, cancel, connection } = useJob(like, options);
  if (job === undefined) {
    if (error)
      return <div className="avance-job-error">{say('unavailable', { what: error.message })}</div>;
    return isPending ? (
      <ProgressBar percent={null} label={say('progress')} text={say('loading')} />
    ) : null;
  }
  return (
    <JobRow job={job} locale={locale} label={label} isStale={!isDone && isCut(connection)}>
      {canCancel && !isDone && (
        // A cancel that is refused leaves the job as it is, and the next event says how.
        <button
          type="button"
          className="avance-button"
          onClick={() => void cancel().catch(() => undefined)}
        >
          {say('cancel')}
        </button>
      )}
    </JobRow>
  );
}

function isCut(connection: string): boolean {
  return connection === 'recovering' || connection === 'offline';
}
