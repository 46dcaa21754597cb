import { useMemo } from 'react';
import { useApi } from '../../lib/useApi.ts';
import { useRequest } from '../../lib/useRequest.ts';
import { type Column, DataTable } from '../../widgets/DataTable.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Moment } from '../../widgets/Moment.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { AreaHead } from '../AreaHead.tsx';
import type { ScreenProps } from '../registry.ts';
import { ActForm } from './ActForm.tsx';
import { type Movement, type Order, type Product, pathOf, priceOf } from './model.ts';
import css from './Retail.module.css';
import { StockMark } from './StockMark.tsx';
import { useTexts } from './texts.ts';

/** One product: what there is of it, what moved, and what may be done. */
export function ProductScreen({ params: { sku = '' } }: ScreenProps) {
  const { t, locale } = useTexts();
  const api = useApi();
  const ask = useMemo(
    () => async (signal: AbortSignal) => {
      const [product, { movements }] = await Promise.all([
        api.get<Product>(pathOf(sku), undefined, { signal }),
        api.get<{ movements: Movement[] }>(`${pathOf(sku)}/movements`, undefined, { signal }),
      ]);
      return { product, movements };
    },
    [api, sku],
  );
  const { data, error, again } = useRequest(ask);
  const text = (form: FormData, name: string): string => String(form.get(name) ?? '').trim();
  const move = async (form: FormData): Promise<string> => {
    const body = { quantity: Number(text(form, 'quantity')), reason: text(form, 'reason') };
    const { stock } = await api.post<Product>(`${pathOf(sku)}/movements`, body);
    again();
    return t('moved', { n: stock });
  };
  const order = async (form: FormData): Promise<string> => {
    const customer = text(form, 'customer');
    const body = { sku, quantity: Number(text(form, 'amount')), ...(customer && { customer }) };
    const { id } = await api.post<Order>('/api/retail/orders', body);
    return t('ordered', { id });
  };
  return (
    <>
      <AreaHead area="retail" title={data?.product.name ?? sku} />
      {error && <ErrorNotice title={t('product.failed')} error={error} onRetry={again} />}
      {!data && !error && <Skeleton rows={6} />}
      {data && (
        <div className={css.screen}>
          <p className={css.row} data-testid="product">
            <StockMark product={data.product} />
            <span>
              {t('stock')}: {data.product.stock} · {t('threshold')}: {data.product.threshold} ·{' '}
              {t('price')}: {priceOf(data.product.price_cents, locale)} · {t('responsible')}:{' '}
              {data.product.responsible}
            </span>
          </p>
          <ActForm title={t('move.title')} action={t('move')} onSubmit={move}>
            <label>
              {t('quantity')}
              <input name="quantity" type="number" required />
            </label>
            <label>
              {t('reason')}
              <input name="reason" maxLength={200} />
            </label>
          </ActForm>
          <ActForm title={t('order.title')} action={t('order')} onSubmit={order}>
            <label>
              {t('amount')}
              <input name="amount" type="number" min={1} required />
            </label>
            <label>
              {t('customer')}
              <input name="customer" maxLength={200} />
            </label>
          </ActForm>
          <Movements movements={data.movements} />
        </div>
      )}
    </>
  );
}

function Movements({ movements }: { movements: readonly Movement[] }) {
  const { t } = useTexts();
  const columns: readonly Column<Movement>[] = [
    { key: 'when', title: t('when'), cell: (one) => <Moment at={one.created_at} /> },
    {
      key: 'change',
      title: t('change'),
      isNumber: true,
      cell: ({ quantity }) => (quantity > 0 ? `+${quantity}` : quantity),
    },
    { key: 'after', title: t('after'), isNumber: true, cell: (one) => one.stock_after },
    { key: 'reason', title: t('reason'), cell: ({ reason }) => reason },
    { key: 'by', title: t('by'), isMinor: true, cell: ({ made_by }) => made_by },
  ];
  return (
    <section className={css.screen}>
      <h2>{t('movements')}</h2>
      {movements.length === 0 ? (
        <p>{t('movements.empty')}</p>
      ) : (
        <DataTable
          caption={t('movements')}
          columns={columns}
          rows={movements}
          rowKey={({ id }) => String(id)}
        />
      )}
    </section>
  );
}
