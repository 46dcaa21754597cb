import { useMemo } from 'react';
import { useAct } from '../../lib/useAct.ts';
import { useApi } from '../../lib/useApi.ts';
import { useOnline } from '../../lib/useOnline.ts';
import { useRequest } from '../../lib/useRequest.ts';
import { type Column, DataTable } from '../../widgets/DataTable.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Moment } from '../../widgets/Moment.tsx';
import { Notice } from '../../widgets/Notice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { AreaHead } from '../AreaHead.tsx';
import type { Order } from './model.ts';
import css from './Retail.module.css';
import { useTexts } from './texts.ts';

/** The last orders; the goods of one are taken from the stock when it is made ready. */
export function Orders() {
  const { t } = useTexts();
  const api = useApi();
  const isOnline = useOnline();
  const { error: refusal, isBusy, act } = useAct();
  const ask = useMemo(
    () => (signal: AbortSignal) =>
      api.get<{ orders: Order[] }>('/api/retail/orders', undefined, { signal }),
    [api],
  );
  const { data, error, again } = useRequest(ask);
  const ready = (id: number): Promise<boolean> =>
    act(async () => {
      await api.post(`/api/retail/orders/${id}/ready`);
      again();
      return `${t('order.id')} ${id}: ${t('order.ready')}`;
    });
  const columns: readonly Column<Order>[] = [
    { key: 'id', title: t('order.id'), isNumber: true, cell: ({ id }) => id },
    { key: 'sku', title: t('sku'), cell: ({ sku }) => sku },
    { key: 'quantity', title: t('amount'), isNumber: true, cell: ({ quantity }) => quantity },
    { key: 'customer', title: t('order.customer'), cell: ({ customer }) => customer },
    { key: 'state', title: t('state'), cell: ({ state }) => t(`order.${state}`) },
    { key: 'when', title: t('when'), isMinor: true, cell: (one) => <Moment at={one.created_at} /> },
    {
      key: 'actions',
      title: t('actions'),
      cell: ({ id, state }) =>
        state === 'pending' && (
          <button
            type="button"
            aria-label={t('readyName', { id })}
            disabled={isBusy || !isOnline}
            onClick={() => void ready(id)}
          >
            {t('ready')}
          </button>
        ),
    },
  ];
  return (
    <>
      <AreaHead area="retail" title={t('orders.title')} />
      <div className={css.screen}>
        {refusal && <ErrorNotice title={t('refused')} error={refusal} />}
        {error && <ErrorNotice title={t('orders.failed')} error={error} onRetry={again} />}
        {!data && !error && <Skeleton rows={4} />}
        {data?.orders.length === 0 && (
          <Notice tone="empty" title={t('orders.empty')}>
            <p>{t('orders.hint')}</p>
          </Notice>
        )}
        {data && data.orders.length > 0 && (
          <DataTable
            caption={t('orders.title')}
            columns={columns}
            rows={data.orders}
            rowKey={({ id }) => String(id)}
          />
        )}
      </div>
    </>
  );
}
