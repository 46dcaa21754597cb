import type { Job } from '@avance/client';
import { memo, useRef } from 'react';
import { Link } from 'wouter';
import { useI18n } from '../../i18n/I18n.tsx';
import { nameOf } from '../../lib/job.ts';
import { useKeys } from '../../lib/useKeys.ts';
import { Elapsed } from '../../widgets/Elapsed.tsx';
import { JobBar } from '../../widgets/JobBar.tsx';
import { Moment } from '../../widgets/Moment.tsx';
import { StateMark } from '../../widgets/StateMark.tsx';
import css from './JobTable.module.css';

export function JobTable({ jobs }: { jobs: readonly Job[] }) {
  const { t } = useI18n();
  const table = useRef<HTMLTableElement>(null);
  const move = (step: number): void => {
    const links = [...(table.current?.querySelectorAll('a') ?? [])];
    const here = links.findIndex((link) => link === document.activeElement);
    links[Math.min(Math.max(here + step, 0), links.length - 1)]?.focus();
  };
  useKeys({ j: () => move(1), k: () => move(-1) });
  return (
    <div className={css.frame}>
      <table ref={table}>
        <thead>
          <tr>
            <th scope="col">{t('jobs.state')}</th>
            <th scope="col">{t('jobs.job')}</th>
            <th scope="col">{t('jobs.progress')}</th>
            <th scope="col">{t('jobs.created')}</th>
            <th scope="col">{t('jobs.duration')}</th>
            <th scope="col">{t('jobs.attempt')}</th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <Row key={job.id} job={job} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

// A job keeps its identity until it changes, so a busy table draws only the rows that moved.
const Row = memo(function Row({ job }: { job: Job }) {
  return (
    <tr>
      <td>
        <StateMark state={job.state} />
      </td>
      <td className={css.name}>
        <Link href={`/jobs/${encodeURIComponent(job.id)}`}>{nameOf(job)}</Link>
        {job.title !== undefined && <span>{job.kind}</span>}
      </td>
      <td className={css.progress}>
        <JobBar job={job} isCompact />
      </td>
      <td>
        <Moment at={job.created_at} />
      </td>
      <td>
        <Elapsed job={job} />
      </td>
      <td>
        {job.attempt}/{job.max_attempts}
      </td>
    </tr>
  );
});
