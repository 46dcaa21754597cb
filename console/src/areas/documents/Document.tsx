import { useEffect, useMemo, useRef } from 'react';
import { useSearch } from 'wouter';
import { useApi } from '../../lib/useApi.ts';
import { useRequest } from '../../lib/useRequest.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { AreaHead } from '../AreaHead.tsx';
import type { ScreenProps } from '../registry.ts';
import css from './Document.module.css';
import type { OpenDocument, Passage } from './model.ts';
import { useTexts } from './texts.ts';

/** One document, passage by passage; a citation leads to the one that it rests on. */
export function DocumentScreen({ params: { id = '' } }: ScreenProps) {
  const { t } = useTexts();
  const api = useApi();
  const cited = new URLSearchParams(useSearch()).get('passage');
  const ask = useMemo(
    () => (signal: AbortSignal) =>
      api.get<OpenDocument>(`/documents/${encodeURIComponent(id)}`, undefined, { signal }),
    [api, id],
  );
  const { data, error, again } = useRequest(ask);
  return (
    <>
      <AreaHead area="documents" title={data?.filename ?? t('title')} />
      {error && <ErrorNotice title={t('document.failed')} error={error} onRetry={again} />}
      {!data && !error && <Skeleton rows={6} />}
      {data && (
        <>
          <About document={data} />
          <ol className={css.passages}>
            {data.chunks.map((passage) => (
              <PassageItem
                key={passage.chunk_id}
                passage={passage}
                isCited={passage.chunk_id === cited}
              />
            ))}
          </ol>
        </>
      )}
    </>
  );
}

function About({ document }: { document: OpenDocument }) {
  const { t } = useTexts();
  const facts = [
    [t('document.author'), document.author],
    [t('document.dated'), document.dated],
    [t('list.language'), document.language],
    [t('document.keywords'), document.keywords.join(', ')],
  ].filter(([, value]) => value);
  return (
    <dl className={css.about}>
      <div>
        <dt>{t('list.chunks')}</dt>
        <dd>{document.chunk_count}</dd>
      </div>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function PassageItem({ passage, isCited }: { passage: Passage; isCited: boolean }) {
  const { t } = useTexts();
  const item = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (!isCited) return;
    item.current?.scrollIntoView({ block: 'center' });
    item.current?.focus({ preventScroll: true });
  }, [isCited]);
  return (
    <li
      ref={item}
      tabIndex={isCited ? -1 : undefined}
      className={css.passage}
      data-cited={isCited || undefined}
      aria-current={isCited || undefined}
    >
      <h2>
        {t('document.passage', { n: passage.chunk_index + 1, page: passage.page })}
        {isCited && <strong> · {t('document.cited')}</strong>}
      </h2>
      <p>{passage.text}</p>
    </li>
  );
}
