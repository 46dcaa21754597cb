import { type AvanceError, asAvanceError } from '@avance/client';
import { useUnread } from '@avance/react';
import { useEffect, useMemo, useState } from 'react';
import { Link, useSearch } from 'wouter';
import { useApi } from '../../lib/useApi.ts';
import { useOnline } from '../../lib/useOnline.ts';
import { type RequestState, useRequest } from '../../lib/useRequest.ts';
import { type Column, DataTable } from '../../widgets/DataTable.tsx';
import { DropZone } from '../../widgets/DropZone.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Notice } from '../../widgets/Notice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { AreaHead } from '../AreaHead.tsx';
import { ActForm } from './ActForm.tsx';
import { centsOf, type Imported, type Product, priceOf } from './model.ts';
import css from './Retail.module.css';
import { StockMark } from './StockMark.tsx';
import { useTexts } from './texts.ts';

interface Products {
  products: readonly Product[];
}

/** What there is, what runs out, and how more comes in. */
export function Stock() {
  const { t } = useTexts();
  const api = useApi();
  const isLow = new URLSearchParams(useSearch()).has('low');
  const ask = useMemo(
    () => (signal: AbortSignal) =>
      api.get<Products>('/api/retail/products', { ...(isLow && { low: true }) }, { signal }),
    [api, isLow],
  );
  const found = useRequest(ask);
  const { unread } = useUnread();
  const { again } = found;
  // biome-ignore lint/correctness/useExhaustiveDependencies: an alert that came means that the stock has changed
  useEffect(() => again(), [unread, again]);
  const add = async (form: FormData): Promise<string> => {
    const text = (name: string): string => String(form.get(name) ?? '').trim();
    const { name } = await api.post<Product>('/api/retail/products', {
      sku: text('sku'),
      name: text('name'),
      stock: Number(text('stock')),
      threshold: Number(text('threshold')),
      price_cents: centsOf(text('price') || '0'),
    });
    again();
    return t('saved', { name });
  };
  return (
    <>
      <AreaHead area="retail" title={t('stock.title')} />
      <div className={css.screen}>
        <Import onDone={again} />
        <nav className={css.tabs} aria-label={t('stock.show')}>
          <Link href="/retail" aria-current={isLow ? undefined : 'true'}>
            {t('all')}
          </Link>
          <Link href="/retail?low=1" aria-current={isLow ? 'true' : undefined}>
            {t('low')}
          </Link>
        </nav>
        <Table found={found} isLow={isLow} />
        <ActForm title={t('add.title')} action={t('add')} onSubmit={add}>
          <label>
            {t('sku')}
            <input name="sku" required maxLength={64} />
          </label>
          <label>
            {t('name')}
            <input name="name" required maxLength={200} />
          </label>
          <label>
            {t('stock')}
            <input name="stock" type="number" min={0} defaultValue={0} />
          </label>
          <label>
            {t('threshold')}
            <input name="threshold" type="number" min={0} defaultValue={0} />
          </label>
          <label>
            {t('price')}
            <input name="price" inputMode="decimal" pattern="\d+([.,]\d{1,2})?" />
          </label>
        </ActForm>
      </div>
    </>
  );
}

function Table({ found, isLow }: { found: RequestState<Products>; isLow: boolean }) {
  const { t, locale } = useTexts();
  const columns = useMemo<readonly Column<Product>[]>(
    () => [
      {
        key: 'name',
        title: t('name'),
        cell: ({ sku, name }) => (
          <Link href={`/retail/products/${encodeURIComponent(sku)}`}>{name}</Link>
        ),
      },
      { key: 'sku', title: t('sku'), isMinor: true, cell: ({ sku }) => sku },
      { key: 'stock', title: t('stock'), isNumber: true, cell: ({ stock }) => stock },
      { key: 'threshold', title: t('threshold'), isNumber: true, cell: (one) => one.threshold },
      { key: 'state', title: t('state'), cell: (one) => <StockMark product={one} /> },
      {
        key: 'price',
        title: t('price'),
        isNumber: true,
        isMinor: true,
        cell: ({ price_cents }) => priceOf(price_cents, locale),
      },
      { key: 'who', title: t('responsible'), isMinor: true, cell: (one) => one.responsible },
    ],
    [t, locale],
  );
  const { data, error, again } = found;
  if (error) return <ErrorNotice title={t('stock.failed')} error={error} onRetry={again} />;
  if (data === undefined) return <Skeleton rows={4} />;
  if (data.products.length === 0) {
    return isLow ? (
      <Notice tone="empty" title={t('stock.noneLow')} />
    ) : (
      <Notice tone="empty" title={t('stock.empty')}>
        <p>{t('stock.emptyHint')}</p>
      </Notice>
    );
  }
  return (
    <DataTable
      caption={t('stock.title')}
      columns={columns}
      rows={data.products}
      rowKey={({ sku }) => sku}
    />
  );
}

const FINDINGS_SHOWN = 50;

function Import({ onDone }: { onDone: () => void }) {
  const { t } = useTexts();
  const api = useApi();
  const isOnline = useOnline();
  const [outcome, setOutcome] = useState<{ told?: Imported; error?: AvanceError }>({});
  const take = async ([file]: File[]): Promise<void> => {
    if (file === undefined) return;
    try {
      setOutcome({ told: await api.post<Imported>('/api/retail/import', file) });
      onDone();
    } catch (thrown) {
      setOutcome({ error: asAvanceError(thrown) });
    }
  };
  const { told, error } = outcome;
  return (
    <>
      <DropZone
        hint={t('import.hint')}
        accept=".csv"
        isSingle
        isDisabled={!isOnline}
        onFiles={(files) => void take(files)}
      />
      {error && <ErrorNotice title={t('import.failed')} error={error} />}
      {told && (
        <p role="status">
          {t('import.done', { n: told.imported })}
          {told.findings.length > 0 && ` · ${t('import.findings', { n: told.findings.length })}`}
        </p>
      )}
      {told && told.findings.length > 0 && <Findings findings={told.findings} />}
    </>
  );
}

type Finding = Imported['findings'][number];

function Findings({ findings }: { findings: readonly Finding[] }) {
  const { t } = useTexts();
  const columns: readonly Column<Finding>[] = [
    { key: 'row', title: t('import.row'), isNumber: true, cell: ({ row }) => row },
    { key: 'column', title: t('import.column'), cell: ({ column }) => column },
    { key: 'why', title: t('import.why'), cell: ({ message }) => message },
  ];
  return (
    <DataTable
      caption={t('import.findings', { n: findings.length })}
      columns={columns}
      rows={findings.slice(0, FINDINGS_SHOWN)}
      rowKey={({ row, column, code }) => `${row} ${column} ${code}`}
    />
  );
}
