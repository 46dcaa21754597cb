import { type FormEvent, useId, useMemo, useState } from 'react';
import { Link } from 'wouter';
import { useSession } from '../../app/SessionGate.tsx';
import { useAct } from '../../lib/useAct.ts';
import { useApi } from '../../lib/useApi.ts';
import { useOnline } from '../../lib/useOnline.ts';
import { ConfirmDialog } from '../../widgets/ConfirmDialog.tsx';
import { type Column, DataTable } from '../../widgets/DataTable.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Notice } from '../../widgets/Notice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { AreaHead } from '../AreaHead.tsx';
import css from './Batches.module.css';
import { useShelves } from './CollectionField.tsx';
import { COLLECTION_CHARS_MAX, type Shelf } from './model.ts';
import { RenameDialog } from './RenameDialog.tsx';
import { useTexts } from './texts.ts';

const PERCENT = 100;

/** What is in each collection, how it is searched and who may ask it. */
export function Collections() {
  const { t } = useTexts();
  const api = useApi();
  const { data, error, isLoading, again } = useShelves();
  const { error: refused, act } = useAct();
  const [doomed, setDoomed] = useState<Shelf>();
  const [named, setNamed] = useState<Shelf>();
  const change = ({ name }: Shelf, wanted: Change): void =>
    void act(async () => {
      await api.patch(`/collections/${encodeURIComponent(name)}`, wanted);
      again();
      return t('shelves.saved', { name });
    });
  const remove = ({ name }: Shelf): void =>
    void act(async () => {
      await api.del(`/collection/${encodeURIComponent(name)}`);
      again();
      return t('shelves.deleted', { name });
    });
  const columns = useColumns({ onChange: change, onDelete: setDoomed, onRename: setNamed });
  return (
    <>
      <AreaHead area="documents" title={t('shelves.title')} />
      <div className={css.screen}>
        <p className={css.hint}>{t('shelves.hint')}</p>
        <NewCollection onCreated={again} />
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
      <ConfirmDialog
        title={t('shelves.delete')}
        text={t('shelves.deleteText', {
          name: doomed?.name ?? '',
          documents: doomed?.documents ?? 0,
        })}
        action={t('shelves.delete')}
        isOpen={doomed !== undefined}
        onConfirm={() => doomed && remove(doomed)}
        onClose={() => setDoomed(undefined)}
      />
      <RenameDialog name={named?.name} onRenamed={again} onClose={() => setNamed(undefined)} />
    </>
  );
}

function NewCollection({ onCreated }: { onCreated: () => void }) {
  const { t } = useTexts();
  const api = useApi();
  const id = useId();
  const isOnline = useOnline();
  const { error, isBusy, act } = useAct();
  const create = async (form: HTMLFormElement): Promise<void> => {
    const name = String(new FormData(form).get('name') ?? '').trim();
    if (!name) return;
    const isMade = await act(async () => {
      await api.post('/collections', { name });
      onCreated();
      return t('shelves.created', { name });
    });
    if (isMade) form.reset();
  };
  return (
    <form
      className={css.row}
      onSubmit={(event: FormEvent<HTMLFormElement>) => {
        event.preventDefault();
        void create(event.currentTarget);
      }}
    >
      <label htmlFor={id}>{t('shelves.name')}</label>
      <input id={id} name="name" required maxLength={COLLECTION_CHARS_MAX} />
      <button type="submit" disabled={isBusy || !isOnline}>
        {t('shelves.create')}
      </button>
      {error && <ErrorNotice title={t('shelves.notCreated')} error={error} />}
    </form>
  );
}

type Change = Partial<Pick<Shelf, 'hybrid_weight' | 'is_shared'>>;

interface Actions {
  onChange: (shelf: Shelf, change: Change) => void;
  onDelete: (shelf: Shelf) => void;
  onRename: (shelf: Shelf) => void;
}

function useColumns({ onChange, onDelete, onRename }: Actions): Column<Shelf>[] {
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
      cell: (row) => (
        <span className={css.row}>
          <Link href={`/documents?${new URLSearchParams({ collection: row.name })}`}>
            {t('shelves.use')}
          </Link>
          {row.is_own && (
            <>
              <button
                type="button"
                aria-label={t('shelves.renameName', { name: row.name })}
                onClick={() => onRename(row)}
              >
                {t('shelves.rename')}
              </button>
              <button
                type="button"
                aria-label={t('shelves.deleteName', { name: row.name })}
                onClick={() => onDelete(row)}
              >
                {t('shelves.delete')}
              </button>
            </>
          )}
        </span>
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
