import { AvanceError } from '@avance/client';
import { type FormEvent, useMemo, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { useToast } from '../../app/Toasts.tsx';
import { type ServerApi, useApi } from '../../lib/useApi.ts';
import { type AskPage, useCursor } from '../../lib/useCursor.ts';
import { ConfirmDialog } from '../../widgets/ConfirmDialog.tsx';
import { type Column, DataTable } from '../../widgets/DataTable.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Moment } from '../../widgets/Moment.tsx';
import { More } from '../../widgets/More.tsx';
import { Notice } from '../../widgets/Notice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { AreaHead } from '../AreaHead.tsx';
import { useShelves } from './CollectionField.tsx';
import { csvOf } from './csv.ts';
import { DeleteAll } from './DeleteAll.tsx';
import css from './List.module.css';
import type { DocumentRow, History } from './model.ts';
import { saveCsv } from './save.ts';
import { useTexts } from './texts.ts';

const PAGE = 50;
const EXPORT_PAGE = 1_000;

/** Every document: find it by name, open it, delete it, save the list. */
export function List() {
  const { t } = useTexts();
  const api = useApi();
  const filter = useFilter();
  const { text, collection } = filter;
  const ask = useMemo(() => pagesOf(api, { text, collection }), [api, text, collection]);
  const pages = useCursor(ask);
  const removal = useRemoval(api, pages.again);
  const [doomed, setDoomed] = useState<DocumentRow>();
  const columns = useColumns(setDoomed);
  const { items, isLoading, error } = pages;
  const isEmpty = items.length === 0 && !isLoading && !error;
  return (
    <>
      <AreaHead area="documents" title={t('list.title')} />
      <div className={css.tools}>
        <Search filter={filter} />
        <button type="button" onClick={() => void saveList(api, filter, columns.slice(0, -1))}>
          {t('list.export')}
        </button>
        <DeleteAll onConfirm={() => removal('/documents')} />
      </div>
      {error && <ErrorNotice title={t('list.failed')} error={error} onRetry={pages.again} />}
      {items.length > 0 && (
        <DataTable
          caption={t('list.title')}
          columns={columns}
          rows={items}
          rowKey={(row) => row.id}
        />
      )}
      {items.length > 0 && <More pages={pages} />}
      {items.length === 0 && isLoading && <Skeleton rows={6} />}
      {isEmpty && <Empty hasFilter={text !== '' || collection !== ''} />}
      <ConfirmDialog
        title={t('list.deleteOne')}
        text={t('list.deleteText', { name: doomed?.filename ?? '' })}
        action={t('list.deleteOne')}
        isOpen={doomed !== undefined}
        onConfirm={() => doomed && removal(`/documents/${encodeURIComponent(doomed.id)}`)}
        onClose={() => setDoomed(undefined)}
      />
    </>
  );
}

interface Filter {
  text: string;
  collection: string;
}

function useFilter(): Filter {
  const query = new URLSearchParams(useSearch());
  return { text: query.get('text') ?? '', collection: query.get('collection') ?? '' };
}

function pagesOf(api: ServerApi, filter: Filter, limit = PAGE): AskPage<DocumentRow> {
  const wanted = { text: filter.text || undefined, collection: filter.collection || undefined };
  return async (cursor, signal) => {
    const offset = Number(cursor ?? 0);
    const query = { limit, offset, ...wanted };
    const { documents, total } = await api.get<History>('/ingest/history', query, { signal });
    const next = offset + documents.length;
    return { items: documents, cursor: next < total && documents.length > 0 ? next : null };
  };
}

function useColumns(onDelete: (row: DocumentRow) => void): readonly ListColumn[] {
  const { t } = useTexts();
  return useMemo(
    () => [
      {
        key: 'filename',
        title: t('list.name'),
        cell: (row) => (
          <Link href={`/documents/list/${encodeURIComponent(row.id)}`}>{row.filename}</Link>
        ),
      },
      { key: 'chunks', title: t('list.chunks'), isNumber: true, cell: (row) => row.chunks },
      {
        key: 'pages',
        title: t('list.pages'),
        isNumber: true,
        isMinor: true,
        cell: (row) => row.pages,
      },
      {
        key: 'language',
        title: t('list.language'),
        isMinor: true,
        cell: (row) => row.language ?? '–',
      },
      {
        key: 'uploaded_at',
        title: t('list.uploaded'),
        cell: (row) => <Moment at={row.uploaded_at} />,
      },
      {
        key: 'id',
        title: t('list.actions'),
        cell: (row) => (
          <button
            type="button"
            aria-label={t('list.deleteName', { name: row.filename })}
            onClick={() => onDelete(row)}
          >
            {t('list.deleteOne')}
          </button>
        ),
      },
    ],
    [t, onDelete],
  );
}

interface ListColumn extends Column<DocumentRow> {
  key: 'filename' | 'chunks' | 'pages' | 'language' | 'uploaded_at' | 'id';
}

function useRemoval(api: ServerApi, onDone: () => void): (path: string) => void {
  const { t } = useTexts();
  const toast = useToast();
  return (path) => {
    api.del<{ deleted_count: number }>(path).then(
      ({ deleted_count }) => {
        toast({ tone: 'good', text: t('list.deleted', { n: deleted_count }) });
        onDone();
      },
      (error: unknown) => {
        if (!(error instanceof AvanceError)) throw error;
        toast({ tone: 'error', text: error.message });
      },
    );
  };
}

async function saveList(
  api: ServerApi,
  filter: Filter,
  columns: readonly ListColumn[],
): Promise<void> {
  const ask = pagesOf(api, filter, EXPORT_PAGE);
  const rows: DocumentRow[] = [];
  const { signal } = new AbortController();
  let cursor: string | number | null = 0;
  do {
    const page = await ask(cursor, signal);
    rows.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== null);
  const body = csvOf([
    columns.map((column) => column.title),
    ...rows.map((row) => columns.map(({ key }) => row[key] ?? '')),
  ]);
  saveCsv('documents.csv', body);
}

function Search({ filter: { text, collection } }: { filter: Filter }) {
  const { t } = useTexts();
  const { data } = useShelves();
  const [, navigate] = useLocation();
  return (
    <search>
      <form
        key={`${text} ${collection}`}
        className={css.search}
        onSubmit={(event: FormEvent<HTMLFormElement>) => {
          event.preventDefault();
          const wanted = [...new FormData(event.currentTarget)].flatMap(([name, value]) => {
            const typed = String(value).trim();
            return typed ? [[name, typed]] : [];
          });
          const query = String(new URLSearchParams(wanted));
          navigate(`/documents/list${query && `?${query}`}`);
        }}
      >
        <input
          name="text"
          type="search"
          defaultValue={text}
          aria-label={t('list.search')}
          placeholder={t('list.search')}
        />
        <select
          key={data === undefined ? 'none' : 'all'}
          name="collection"
          defaultValue={collection}
          aria-label={t('list.collection')}
        >
          <option value="">{t('list.anyCollection')}</option>
          {collection && !data && <option>{collection}</option>}
          {data?.collections
            .filter((one) => one.is_own)
            .map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
        </select>
        <button type="submit">{t('list.searchGo')}</button>
      </form>
    </search>
  );
}

function Empty({ hasFilter }: { hasFilter: boolean }) {
  const { t } = useTexts();
  return hasFilter ? (
    <Notice tone="empty" title={t('list.emptyFiltered')}>
      <Link href="/documents/list">{t('list.clear')}</Link>
    </Notice>
  ) : (
    <Notice tone="empty" title={t('list.empty')}>
      <p>{t('list.emptyHint')}</p>
    </Notice>
  );
}
