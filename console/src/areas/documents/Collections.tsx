import { type FormEvent, useMemo } from 'react';
import { Link } from 'wouter';
import { useSession } from '../../app/SessionGate.tsx';
import { useAct } from '../../lib/useAct.ts';
import { useApi } from '../../lib/useApi.ts';
import { type Column, DataTable } from '../../widgets/DataTable.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Notice } from '../../widgets/Notice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { AreaHead } from '../AreaHead.tsx';
import css from './Batches.module.css';
import { useShelves } from './CollectionField.tsx';
import type { Shelf } from './model.ts';
import { useTexts } from './texts.ts';

const PERCENT = 100;

/** What is in each collection, how it is searched and who may ask it. */
export function Collections() {
  const { t } = useTexts();
  const api = useApi();
  const { data, error, isLoading, again } = useShelves();
  const { error: refused, act } = useAct();
  const columns = useColumns((shelf, change) =>
    act(async () => {
      await api.patch(`/collections/${encodeURIComponent(shelf.name)}`, change);
      again();
      return t('shelves.saved', { name: shelf.name });
    }),
  );
  return (
    <>
      <AreaHead area="documents" title={t('shelves.title')} />
      <div className={css.screen}>
        <p className={css.hint}>{t('shelves.hint')}</p>
        {error && <ErrorNotice title={t('shelves.failed')} error={error} onRetry={again} />}
        {refused && <ErrorNotice title={t('shelves.refused')} error={refused} />}
        {!data && isLoading && <Skeleton rows={4} />}
        {data?.collections.length === 0 && (
          <Notice tone="empty" title={t('list.empty')}>
            <Link href="/documents">{t('list.emptyHint')}</Link>
          </Notice>
        )}
        {data && data.collections.length > 0 && (
          <DataTable
            caption={t('shelves.title')}
            columns={columns}
            rows={data.collections}
            rowKey={({ name, is_own }) => `${name} ${is_own}`}
          />
        )}
      </div>
    </>
  );
}

type Change = Partial<Pick<Shelf, 'hybrid_weight' | 'is_shared'>>;

function useColumns(onChange: (shelf: Shelf, change: Change) => void): Column<Shelf>[] {
  const { t } = useTexts();
  return [
    {
      key: 'name',
      title: t('collection'),
      cell: ({ name }) => (
        <Link href={`/documents/list?${new URLSearchParams({ collection: name })}`}>{name}</Link>
      ),
    },
    {
      key: 'documents',
      title: t('shelves.documents'),
      isNumber: true,
      cell: (row) => row.documents,
    },
    {
      key: 'chunks',
      title: t('list.chunks'),
      isNumber: true,
      isMinor: true,
      cell: (row) => row.chunks,
    },
    {
      key: 'weight',
      title: t('shelves.weight'),
      cell: (row) => <Weight key={row.hybrid_weight} shelf={row} onChange={onChange} />,
    },
    {
      key: 'shared',
      title: t('shelves.shared'),
      isMinor: true,
      cell: (row) => <Shared shelf={row} onChange={onChange} />,
    },
    {
      key: 'actions',
      title: t('list.actions'),
      cell: ({ name }) => (
        <Link href={`/documents?${new URLSearchParams({ collection: name })}`}>
          {t('shelves.use')}
        </Link>
      ),
    },
  ];
}

interface CellProps {
  shelf: Shelf;
  onChange: (shelf: Shelf, change: Change) => void;
}

function Weight({ shelf, onChange }: CellProps) {
  const { t } = useTexts();
  const percent = useMemo(() => Math.round(shelf.hybrid_weight * PERCENT), [shelf]);
  if (!shelf.is_own) return percent > 0 ? `${percent} %` : t('shelves.wordsOnly');
  return (
    <form
      className={css.row}
      onSubmit={(event: FormEvent<HTMLFormElement>) => {
        event.preventDefault();
        const typed = new FormData(event.currentTarget).get('percent');
        onChange(shelf, { hybrid_weight: Number(typed) / PERCENT });
      }}
    >
      <input
        name="percent"
        type="number"
        min={0}
        max={PERCENT}
        required
        defaultValue={percent}
        aria-label={t('shelves.weightOf', { name: shelf.name })}
      />
      <button type="submit" aria-label={t('shelves.saveOf', { name: shelf.name })}>
        {t('shelves.save')}
      </button>
    </form>
  );
}

function Shared({ shelf, onChange }: CellProps) {
  const { t } = useTexts();
  const { me } = useSession();
  if (!shelf.is_own) return t('shelves.foreign');
  if (me.role !== 'admin') return t(shelf.is_shared ? 'shelves.everybody' : 'shelves.private');
  return (
    <input
      type="checkbox"
      checked={shelf.is_shared}
      aria-label={t('shelves.sharedOf', { name: shelf.name })}
      onChange={(event) => onChange(shelf, { is_shared: event.target.checked })}
    />
  );
}
