import type { Job, JobFilter } from '@avance/client';
import type { ReactNode } from 'react';
import { useLocale } from './context.tsx';
import { JobRow } from './JobRow.tsx';
import type { Locale } from './locale.ts';
import { sayIn } from './text.ts';
import { useJobs } from './useJobs.ts';

export interface JobListProps {
  filter?: JobFilter;
  locale?: Locale;
  /** What stands beside the name of a job, such as a link or a button. */
  renderActions?: (job: Job) => ReactNode;
}

/** The jobs of a filter, live, the newest first. */
export function JobList({ filter, locale: own, renderActions }: JobListProps): ReactNode {
  const locale = useLocale(own);
  const say = sayIn(locale);
  const { jobs, hasMore, isLoading, error, fetchMore, refetch } = useJobs(filter);
  return (
    <section className="avance-jobs" aria-label={say('jobs')} aria-busy={isLoading}>
      {error && (
        <div className="avance-job-error">
          {say('unavailable', { what: error.message })}{' '}
          <button type="button" className="avance-button" onClick={() => void refetch()}>
            {say('retry')}
          </button>
        </div>
      )}
      {jobs.length === 0 && !error && (
        <p className="avance-empty">{say(isLoading ? 'loading' : 'empty')}</p>
      )}
      <ul className="avance-list">
        {jobs.map((job) => (
          <li key={job.id}>
            <JobRow job={job} locale={locale}>
              {renderActions?.(job)}
            </JobRow>
          </li>
        ))}
      </ul>
      {hasMore && (
        <button
          type="button"
          className="avance-button"
          disabled={isLoading}
          onClick={() => void fetchMore()}
        >
          {say('more')}
        </button>
      )}
    </section>
  );
}
