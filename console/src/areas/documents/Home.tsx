import { useId, useMemo, useState } from 'react';
import { Link, useSearch } from 'wouter';
import { useApi } from '../../lib/useApi.ts';
import { useRequest } from '../../lib/useRequest.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Moment } from '../../widgets/Moment.tsx';
import { Notice } from '../../widgets/Notice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { AreaHead } from '../AreaHead.tsx';
import { Ask } from './Ask.tsx';
import { CollectionField } from './CollectionField.tsx';
import { Drop } from './Drop.tsx';
import css from './Home.module.css';
import { DEFAULT_COLLECTION, type History } from './model.ts';
import { useTexts } from './texts.ts';

const RECENT = 8;

/** Drop files, ask them, and see what there is. */
export function Home() {
  const { t } = useTexts();
  const api = useApi();
  const id = useId();
  const named = new URLSearchParams(useSearch()).get('collection');
  const [collection, setCollection] = useState(named || DEFAULT_COLLECTION);
  const ask = useMemo(
    () => (signal: AbortSignal) =>
      api.get<History>('/ingest/history', { limit: RECENT }, { signal }),
    [api],
  );
  const recent = useRequest(ask);
  return (
    <>
      <AreaHead area="documents" title={t('title')} />
      <div className={css.home}>
        <CollectionField className={css.collection} value={collection} onChange={setCollection} />
        <Drop collection={collection || DEFAULT_COLLECTION} onComplete={recent.again} />
        <Ask collection={collection || DEFAULT_COLLECTION} />
        <section className={css.recent} aria-labelledby={`${id}-recent`}>
          <div className={css.head}>
            <h2 id={`${id}-recent`}>{t('recent.title')}</h2>
            <button type="button" disabled={recent.isLoading} onClick={recent.again}>
              {t('recent.refresh')}
            </button>
            <Link href="/documents/list">{t('recent.all')}</Link>
          </div>
          <Recent {...recent} />
        </section>
      </div>
    </>
  );
}

function Recent({ data, error, isLoading, again }: ReturnType<typeof useRequest<History>>) {
  const { t } = useTexts();
  if (error) return <ErrorNotice title={t('list.failed')} error={error} onRetry={again} />;
  if (data === undefined) return isLoading ? <Skeleton rows={3} /> : null;
  if (data.total === 0) {
    return (
      <Notice tone="empty" title={t('list.empty')}>
        <p>{t('list.emptyHint')}</p>
      </Notice>
    );
  }
  return (
    <ul className={css.rows}>
      {data.documents.map((one) => (
        <li key={one.id}>
          <Link href={`/documents/list/${encodeURIComponent(one.id)}`}>{one.filename}</Link>
          <span>{t('row.result', { n: one.chunks })}</span>
          <Moment at={one.uploaded_at} />
        </li>
      ))}
    </ul>
  );
}
