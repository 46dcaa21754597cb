import { useJobs } from '@avance/react';
import { useRef } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { useI18n } from '../../i18n/I18n.tsx';
import { useKeys } from '../../lib/useKeys.ts';
import { useTitle } from '../../lib/useTitle.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Notice } from '../../widgets/Notice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { filterOf, GROUPS, readQuery, type Wanted, writeQuery } from './filter.ts';
import css from './Jobs.module.css';
import { JobTable } from './JobTable.tsx';

export function JobsScreen() {
  const { t } = useI18n();
  const wanted = readQuery(useSearch());
  const { jobs, hasMore, isLoading, error, fetchMore, refetch } = useJobs(filterOf(wanted));
  useTitle(t('jobs.title'));
  const hasFilter = wanted.group !== 'all' || wanted.text !== '';
  return (
    <>
      <div className={css.head}>
        <h1>{t('jobs.title')}</h1>
        <Link href="/try">{t('jobs.tryOne')}</Link>
      </div>
      <Filters wanted={wanted} />
      {error && (
        <ErrorNotice title={t('error.title')} error={error} onRetry={() => void refetch()} />
      )}
      {jobs.length > 0 && <JobTable jobs={jobs} />}
      {jobs.length === 0 && isLoading && <Skeleton rows={6} />}
      {jobs.length === 0 && !isLoading && !error && <Empty hasFilter={hasFilter} />}
      {jobs.length > 0 && (
        <p className={css.foot}>
          <span>{t('jobs.count', { n: jobs.length })}</span>
          {hasMore && (
            <button type="button" disabled={isLoading} onClick={() => void fetchMore()}>
              {t('jobs.more')}
            </button>
          )}
        </p>
      )}
    </>
  );
}

function Filters({ wanted }: { wanted: Wanted }) {
  const { t } = useI18n();
  const [, navigate] = useLocation();
  const search = useRef<HTMLInputElement>(null);
  useKeys({ '/': () => search.current?.focus() });
  return (
    <div className={css.filters}>
      <nav aria-label={t('jobs.filter')}>
        {GROUPS.map((group) => (
          <Link
            key={group}
            href={writeQuery({ ...wanted, group })}
            aria-current={group === wanted.group ? 'true' : undefined}
          >
            {t(`jobs.${group}`)}
          </Link>
        ))}
      </nav>
      <search>
        <form
          key={wanted.text}
          onSubmit={(event) => {
            event.preventDefault();
            navigate(writeQuery({ ...wanted, text: search.current?.value.trim() ?? '' }));
          }}
        >
          <input
            ref={search}
            type="search"
            defaultValue={wanted.text}
            aria-label={t('jobs.search')}
            placeholder={t('jobs.search')}
          />
          <button type="submit">{t('jobs.searchGo')}</button>
        </form>
      </search>
    </div>
  );
}

function Empty({ hasFilter }: { hasFilter: boolean }) {
  const { t } = useI18n();
  if (hasFilter) {
    return (
      <Notice tone="empty" title={t('jobs.emptyFiltered')}>
        <Link href="/jobs">{t('jobs.clear')}</Link>
      </Notice>
    );
  }
  return (
    <Notice tone="empty" title={t('jobs.empty')}>
      <p>{t('jobs.emptyHint')}</p>
      <code>avance jobs submit demo.count steps=20 --watch</code>
      <Link href="/try">{t('jobs.tryOne')}</Link>
    </Notice>
  );
}
