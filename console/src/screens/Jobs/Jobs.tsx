import { useJobs } from '@avance/react';
import { Suspense, useCallback, useMemo, useRef, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { useI18n } from '../../i18n/I18n.tsx';
import { later } from '../../lib/staleAssets.ts';
import { useKeys } from '../../lib/useKeys.ts';
import { useTitle } from '../../lib/useTitle.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Notice } from '../../widgets/Notice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { Bulk } from './Bulk.tsx';
import {
  filterOf,
  GROUPS,
  hasMore as hasMoreFilters,
  readQuery,
  type Wanted,
  writeQuery,
} from './filter.ts';
import css from './Jobs.module.css';
import { JobTable } from './JobTable.tsx';
import { useHeldBack } from './useHeldBack.ts';

const MoreFilters = later(async () => (await import('./MoreFilters.tsx')).MoreFilters);

export function JobsScreen() {
  const query = useSearch();
  // Another filter is another list, with nothing held back and nothing selected.
  return <Shown key={query} wanted={readQuery(query)} />;
}

function Shown({ wanted }: { wanted: Wanted }) {
  const { t } = useI18n();
  const { jobs: all, hasMore, isLoading, error, fetchMore, refetch } = useJobs(filterOf(wanted));
  const { jobs, newCount, show } = useHeldBack(all, isLoading);
  const [ids, setIds] = useState<ReadonlySet<string>>(() => new Set());
  const toggle = useCallback(
    (those: readonly string[], isOn: boolean) =>
      setIds((before) => {
        const next = new Set(before);
        for (const id of those) isOn ? next.add(id) : next.delete(id);
        return next;
      }),
    [],
  );
  const selection = useMemo(() => ({ ids, toggle }), [ids, toggle]);
  const selected = jobs.filter((job) => ids.has(job.id));
  useTitle(t('jobs.title'));
  const hasFilter = wanted.group !== 'all' || wanted.text !== '' || hasMoreFilters(wanted);
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
      {newCount > 0 && (
        <button type="button" className={css.newest} onClick={show}>
          {t('jobs.newest', { n: newCount })}
        </button>
      )}
      {selected.length > 0 && <Bulk jobs={selected} onDone={() => setIds(new Set())} />}
      {jobs.length > 0 && <JobTable jobs={jobs} selection={selection} />}
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
  const [isOpen, setOpen] = useState(() => hasMoreFilters(wanted));
  useKeys({ '/': () => search.current?.focus(), f: () => setOpen((before) => !before) });
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
      <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {t('jobs.moreFilters')}
      </button>
      {isOpen && (
        <Suspense>
          <MoreFilters wanted={wanted} />
        </Suspense>
      )}
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
