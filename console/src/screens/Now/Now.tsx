import type { HealthAnswer, JobFilter, StatsAnswer } from '@avance/client';
import { useJobs } from '@avance/react';
import { useMemo } from 'react';
import { Link } from 'wouter';
import { useI18n } from '../../i18n/I18n.tsx';
import { useApi } from '../../lib/useApi.ts';
import { usePolled } from '../../lib/usePolled.ts';
import { useTitle } from '../../lib/useTitle.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { JobTable } from '../Jobs/JobTable.tsx';
import css from './Now.module.css';
import { Sparkline } from './Sparkline.tsx';
import { useTexts } from './texts.ts';

const COUNTERS = ['queued', 'running', 'failed', 'completed'] as const;
const STATS_EVERY_MS = 5_000;
const HEALTH_EVERY_MS = 15_000;
const RUNNING: JobFilter = { state: ['running', 'retrying'], limit: 10 };
const FAILURES: JobFilter = { state: ['failed', 'expired'], limit: 5 };

export function NowScreen() {
  const { t } = useTexts();
  useTitle(t('title'));
  return (
    <div className={css.screen}>
      <h1>{t('title')}</h1>
      <Numbers />
      <Some title={t('runningJobs')} none={t('noneRunning')} filter={RUNNING} />
      <Some title={t('failures')} none={t('noFailures')} filter={FAILURES} />
      <Health />
    </div>
  );
}

function Numbers() {
  const { t: say } = useI18n();
  const { t, locale } = useTexts();
  const api = useApi();
  const ask = useMemo(
    () => (signal: AbortSignal) => api.get<StatsAnswer>('/v1/stats', undefined, { signal }),
    [api],
  );
  const { data, error, again } = usePolled(ask, STATS_EVERY_MS);
  if (data === undefined && error === undefined) return <Skeleton rows={2} />;
  if (data === undefined && error) {
    return <ErrorNotice title={say('error.title')} error={error} onRetry={again} />;
  }
  return (
    <>
      <ul className={css.counters}>
        {COUNTERS.map((name) => (
          <li key={name}>
            <Link href={`/jobs?state=${name}`} data-state={name}>
              <strong>{data?.[name].toLocaleString(locale)}</strong>
              <span>{t(name)}</span>
            </Link>
          </li>
        ))}
      </ul>
      {data && <Sparkline completed={data.completed_by_minute} failed={data.failed_by_minute} />}
    </>
  );
}

interface SomeProps {
  title: string;
  none: string;
  filter: JobFilter;
}

function Some({ title, none, filter }: SomeProps) {
  const { t: say } = useI18n();
  const { jobs, isLoading, error, refetch } = useJobs(filter);
  const shown = jobs.slice(0, filter.limit);
  return (
    <section>
      <h2>{title}</h2>
      {error && (
        <ErrorNotice title={say('error.title')} error={error} onRetry={() => void refetch()} />
      )}
      {shown.length > 0 && <JobTable jobs={shown} />}
      {shown.length === 0 && isLoading && <Skeleton rows={2} />}
      {shown.length === 0 && !isLoading && !error && <p className={css.none}>{none}</p>}
    </section>
  );
}

const PARTS: readonly string[] = ['store', 'executor', 'bus'];

function Health() {
  const { t: say } = useI18n();
  const { t } = useTexts();
  const api = useApi();
  const ask = useMemo(
    () => (signal: AbortSignal) => api.get<HealthAnswer>('/health', undefined, { signal }),
    [api],
  );
  const { data, error, again } = usePolled(ask, HEALTH_EVERY_MS);
  const nameOf = (part: string): string =>
    PARTS.includes(part) ? t(part as 'store' | 'executor' | 'bus') : part;
  return (
    <section>
      <h2>{t('health')}</h2>
      {error && <ErrorNotice title={say('error.title')} error={error} onRetry={again} />}
      <ul className={css.health}>
        {Object.entries(data?.parts ?? {}).map(([part, { status, detail }]) => (
          <li key={part} data-status={status}>
            <span aria-hidden="true">{status === 'ok' ? '✓' : '!'}</span> {nameOf(part)}:{' '}
            {t(status === 'ok' ? 'ok' : 'down')}
            {detail && <small> ({detail})</small>}
          </li>
        ))}
      </ul>
    </section>
  );
}
