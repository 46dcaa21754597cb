import { isTerminal, type Job } from '@avance/client';
import type { ReactNode } from 'react';
import type { Locale } from './locale.ts';
import { ProgressBar } from './ProgressBar.tsx';
import { StateMark } from './StateMark.tsx';
import { duration, type Say, sayIn } from './text.ts';

export interface JobRowProps {
  job: Job;
  locale: Locale;
  label?: ReactNode;
  /** The connection is not live: what is shown may be old, so nothing moves. */
  isStale?: boolean;
  children?: ReactNode;
}

/** Below this an estimate says more than is known. */
const ETA_PERCENT_MIN = 5;

/** One job as a line with its bar. */
export function JobRow({ job, locale, label, isStale = false, children }: JobRowProps): ReactNode {
  const say = sayIn(locale);
  const isDone = isTerminal(job.state);
  const name = job.title ?? job.kind;
  const details = detailsOf(job, say, locale);
  const text = [say(job.state), ...details].join(', ');
  return (
    <div className="avance-job" data-state={job.state} data-stale={isStale || undefined}>
      <div className="avance-job-head">
        <span className="avance-job-name">{label ?? name}</span>
        <StateMark state={job.state} say={say} />
        {children}
      </div>
      <ProgressBar
        percent={
          job.state === 'completed'
            ? 100
            : isDone
              ? (job.progress.percent ?? 0)
              : job.progress.percent
        }
        label={typeof label === 'string' ? label : name}
        text={text}
      />
      <div className="avance-job-details">{details.join(' · ')}</div>
      {job.error && isDone && job.state !== 'completed' && (
        <div className="avance-job-error">{job.error.message}</div>
      )}
    </div>
  );
}

function detailsOf(job: Job, say: Say, locale: Locale): string[] {
  const { percent, phase, message, current, total, unit, eta_s } = job.progress;
  const isDone = isTerminal(job.state);
  const details: string[] = [];
  if (percent !== null) details.push(`${Math.floor(percent).toLocaleString(locale)} %`);
  const words = message ?? job.phases?.find((one) => one.id === phase)?.label ?? phase;
  if (words && !isDone) details.push(words);
  if (current !== undefined && total !== undefined && !isDone) {
    details.push(`${say('count', { current, total })} ${unit ?? ''}`.trim());
  }
  if (eta_s !== undefined && percent !== null && percent >= ETA_PERCENT_MIN && !isDone) {
    details.push(say('left', { time: duration(eta_s, locale) }));
  }
  if (job.attempt > 1) details.push(say('attempt', { n: job.attempt, max: job.max_attempts }));
  return details;
}
