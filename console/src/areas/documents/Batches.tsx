import { type FormEvent, useId, useMemo, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useAct } from '../../lib/useAct.ts';
import { useApi } from '../../lib/useApi.ts';
import { type AskPage, useCursor } from '../../lib/useCursor.ts';
import { useOnline } from '../../lib/useOnline.ts';
import { ConfirmDialog } from '../../widgets/ConfirmDialog.tsx';
import { type Column, DataTable } from '../../widgets/DataTable.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Moment } from '../../widgets/Moment.tsx';
import { More } from '../../widgets/More.tsx';
import { Notice } from '../../widgets/Notice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { AreaHead } from '../AreaHead.tsx';
import css from './Batches.module.css';
import { BatchMark } from './BatchMark.tsx';
import { CollectionField } from './CollectionField.tsx';
import { type BatchList, type BatchView, batchLink, DEFAULT_COLLECTION } from './model.ts';
import { useTexts } from './texts.ts';

const PAGE = 50;
const NAME_CHARS_MAX = 200;

/** Every batch, and a name for the next one. */
export function Batches() {
  const { t } = useTexts();
  const api = useApi();
  const ask = useMemo((): AskPage<BatchView> => {
    return async (cursor, signal) => {
      const offset = Number(cursor ?? 0);
      const query = { limit: PAGE, offset };
      const { batches, total } = await api.get<BatchList>('/batch/list', query, { signal });
      const next = offset + batches.length;
      return { items: batches, cursor: next < total && batches.length > 0 ? next : null };
    };
  }, [api]);
  const pages = useCursor(ask);
  const { error: refused, act } = useAct();
  const [doomed, setDoomed] = useState<BatchView>();
  const columns = useColumns(setDoomed);
  const remove = ({ id, name }: BatchView): void =>
    void act(async () => {
      await api.del(`/batch/${encodeURIComponent(id)}`);
      pages.again();
      return t('batches.deleted', { name });
    });
  const { items, isLoading, error } = pages;
  return (
    <>
      <AreaHead area="documents" title={t('batches.title')} />
      <div className={css.screen}>
        <p className={css.hint}>{t('batches.hint')}</p>
        <NewBatch />
        {error && <ErrorNotice title={t('batches.failed')} error={error} onRetry={pages.again} />}
        {refused && <ErrorNotice title={t('batches.notDeleted')} error={refused} />}
        {items.length > 0 && (
          <>
            <DataTable
              caption={t('batches.title')}
              columns={columns}
              rows={items}
              rowKey={(row) => row.id}
            />
            <More pages={pages} />
          </>
        )}
        {items.length === 0 && isLoading && <Skeleton rows={4} />}
        {items.length === 0 && !isLoading && !error && (
          <Notice tone="empty" title={t('batches.empty')}>
            <p>{t('batches.emptyHint')}</p>
          </Notice>
        )}
      </div>
      <ConfirmDialog
        title={t('batches.delete')}
        text={t('batches.deleteText', { name: doomed?.name ?? '' })}
        action={t('batches.delete')}
        isOpen={doomed !== undefined}
        onConfirm={() => doomed && remove(doomed)}
        onClose={() => setDoomed(undefined)}
      />
    </>
  );
}

function NewBatch() {
  const { t } = useTexts();
  const api = useApi();
  const id = useId();
  const [, go] = useLocation();
  const isOnline = useOnline();
  const { error, isBusy, act } = useAct();
  const [collection, setCollection] = useState(DEFAULT_COLLECTION);
  const create = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get('name') ?? '').trim();
    if (!name) return;
    void act(async () => {
      const body = { name, collection_name: collection };
      const { batch_id } = await api.post<{ batch_id: string }>('/batch/create', body);
      go(batchLink(batch_id));
      return t('batches.created', { name });
    });
  };
  return (
    <form className={css.panel} aria-labelledby={id} onSubmit={create}>
      <h2 id={id}>{t('batches.new')}</h2>
      <div className={css.row}>
        <p className={css.row}>
          <label htmlFor={`${id}-name`}>{t('batches.name')}</label>
          <input id={`${id}-name`} name="name" required maxLength={NAME_CHARS_MAX} />
        </p>
        <CollectionField className={css.row} value={collection} onChange={setCollection} />
        <button type="submit" disabled={isBusy || !isOnline}>
          {t('batches.create')}
        </button>
      </div>
      {error && <ErrorNotice title={t('batches.refused')} error={error} />}
    </form>
  );
}

function useColumns(onDelete: (row: BatchView) => void): Column<BatchView>[] {
  const { t } = useTexts();
  return [
    {
      key: 'name',
      title: t('batches.name'),
      cell: ({ id, name }) => <Link href={batchLink(id)}>{name}</Link>,
    },
    {
      key: 'state',
      title: t('batches.state'),
      cell: ({ status }) => <BatchMark status={status} />,
    },
    {
      key: 'files',
      title: t('batches.files'),
      isNumber: true,
      cell: (row) => row.total_files,
    },
    {
      key: 'done',
      title: t('batches.done'),
      isNumber: true,
      isMinor: true,
      cell: (row) => row.processed_files,
    },
    {
      key: 'wrong',
      title: t('batches.wrong'),
      isNumber: true,
      isMinor: true,
      cell: (row) => row.failed_files,
    },
    {
      key: 'collection',
      title: t('collection'),
      isMinor: true,
      cell: (row) => row.collection_name,
    },
    {
      key: 'created',
      title: t('list.uploaded'),
      isMinor: true,
      cell: (row) => <Moment at={row.created_at} />,
    },
    {
      key: 'actions',
      title: t('list.actions'),
      cell: (row) => (
        <button
          type="button"
          aria-label={t('batches.deleteName', { name: row.name })}
          onClick={() => onDelete(row)}
        >
          {t('batches.delete')}
        </button>
      ),
    },
  ];
}
