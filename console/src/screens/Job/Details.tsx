import type { Job } from '@avance/client';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useI18n } from '../../i18n/I18n.tsx';
import { Moment } from '../../widgets/Moment.tsx';
import css from './Details.module.css';

export function Details({ job }: { job: Job }) {
  const { t } = useI18n();
  const time = (at: string | undefined): ReactNode =>
    at === undefined ? null : <Moment at={at} />;
  const rows: [string, ReactNode][] = [
    [t('job.id'), <code key="id">{job.id}</code>],
    [t('job.task'), <code key="task">{job.kind}</code>],
    [t('job.owner'), job.owner],
    [t('job.tags'), job.tags?.join(', ')],
    [t('job.created'), time(job.created_at)],
    [t('job.started'), time(job.started_at)],
    [t('job.ended'), time(job.ended_at)],
    [
      t('job.retryOf'),
      job.retry_of && (
        <Link key="retry" href={`/jobs/${encodeURIComponent(job.retry_of)}`}>
          {job.retry_of}
        </Link>
      ),
    ],
  ];
  return (
    <section>
      <h2>{t('job.details')}</h2>
      <dl className={css.list}>
        {rows
          .filter(([, value]) => Boolean(value))
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </section>
  );
}
