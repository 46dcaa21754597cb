import { asAvanceError, type InboxStatus, type Notice } from '@avance/client';
import { useInbox } from '@avance/react';
import { useMemo, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { useToast } from '../../app/Toasts.tsx';
import { useI18n } from '../../i18n/I18n.tsx';
import { sayError } from '../../lib/sayError.ts';
import { useApi } from '../../lib/useApi.ts';
import { useOnline } from '../../lib/useOnline.ts';
import { useRequest } from '../../lib/useRequest.ts';
import { NoticeRow } from '../../screens/Inbox/NoticeRow.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Notice as Box } from '../../widgets/Notice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { AreaHead } from '../AreaHead.tsx';
import { type Delivery, KINDS } from './model.ts';
import css from './Retail.module.css';
import { useTexts } from './texts.ts';

const TABS = [
  'all',
  'unread',
  'read',
  'archived',
  'snoozed',
] as const satisfies readonly InboxStatus[];
const HOUR_MS = 3_600_000;

/** What was told, live: each may be read, put off or put away, and says how it went out. */
export function Notices() {
  const { t } = useTexts();
  const { t: say } = useI18n();
  const toast = useToast();
  const isOnline = useOnline();
  const [, go] = useLocation();
  const query = new URLSearchParams(useSearch());
  const status = TABS.find((one) => one === query.get('show')) ?? 'all';
  const [kind, setKind] = useState('');
  const inbox = useInbox({ status, ...(kind && { kind }) });
  const act = (work: Promise<void>): void => {
    work.catch((thrown: unknown) =>
      toast({ tone: 'error', text: sayError(asAvanceError(thrown), say) }),
    );
  };
  const open = (notice: Notice): void => {
    if (!notice.read_at) act(inbox.markRead(notice.id));
    const { sku } = (notice.data ?? {}) as { sku?: unknown };
    if (typeof sku === 'string') go(`/retail/products/${encodeURIComponent(sku)}`);
  };
  const { items, error, isLoading } = inbox;
  return (
    <>
      <AreaHead area="retail" title={t('notices.title')}>
        <button
          type="button"
          disabled={inbox.unread === 0 || !isOnline}
          onClick={() => act(inbox.markAllRead())}
        >
          {t('markAll')}
        </button>
      </AreaHead>
      <div className={css.screen}>
        <div className={css.row}>
          <nav className={css.tabs} aria-label={t('notices.show')}>
            {TABS.map((tab) => (
              <Link
                key={tab}
                href={tab === 'all' ? '/retail/notices' : `/retail/notices?show=${tab}`}
                aria-current={tab === status ? 'true' : undefined}
              >
                {t(tab === 'all' ? 'notices.all' : tab)}
              </Link>
            ))}
          </nav>
          <label>
            {t('kind')}{' '}
            <select value={kind} onChange={(event) => setKind(event.target.value)}>
              <option value="">{t('allKinds')}</option>
              {KINDS.map((one) => (
                <option key={one} value={one}>
                  {t(one)}
                </option>
              ))}
            </select>
          </label>
        </div>
        {error && (
          <ErrorNotice
            title={t('notices.failed')}
            error={error}
            onRetry={() => void inbox.refetch()}
          />
        )}
        {items.length === 0 && isLoading && <Skeleton rows={4} />}
        {items.length === 0 && !isLoading && !error && (
          <Box tone="empty" title={t('notices.empty')}>
            <p>{t('notices.hint')}</p>
          </Box>
        )}
        <ul className={css.notices}>
          {items.map((notice) => (
            <li key={notice.id}>
              <NoticeRow
                notice={notice}
                onOpen={open}
                onRead={(is) => act(is ? inbox.markRead(notice.id) : inbox.markUnread(notice.id))}
                onArchive={(is) => act(is ? inbox.archive(notice.id) : inbox.unarchive(notice.id))}
                onDelete={() => act(inbox.remove(notice.id))}
              />
              <div className={css.row}>
                <button
                  type="button"
                  disabled={!isOnline}
                  onClick={() =>
                    act(inbox.snooze(notice.id, new Date(Date.now() + HOUR_MS).toISOString()))
                  }
                >
                  {t('snooze')}
                  <span className="visually-hidden"> {notice.title}</span>
                </button>
                <Deliveries id={notice.id} />
              </div>
            </li>
          ))}
        </ul>
        {inbox.hasMore && (
          <button type="button" disabled={isLoading} onClick={() => void inbox.fetchMore()}>
            {say('more.show')}
          </button>
        )}
      </div>
    </>
  );
}

/** Asked for only when somebody wants to know. */
function Deliveries({ id }: { id: number }) {
  const { t } = useTexts();
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t('deliveries')}</summary>
      {isOpen && <DeliveryRows id={id} />}
    </details>
  );
}

function DeliveryRows({ id }: { id: number }) {
  const { t } = useTexts();
  const api = useApi();
  const ask = useMemo(
    () => (signal: AbortSignal) =>
      api.get<{ deliveries: Delivery[] }>(`/v1/inbox/${id}/deliveries`, undefined, { signal }),
    [api, id],
  );
  const { data, error, again } = useRequest(ask);
  if (error) return <ErrorNotice title={t('deliveries.failed')} error={error} onRetry={again} />;
  if (data === undefined) return null;
  if (data.deliveries.length === 0) return <p>{t('deliveries.none')}</p>;
  return (
    <ul data-testid="deliveries">
      {data.deliveries.map(({ channel, state, reason, last_error }) => (
        <li key={channel}>
          {channel}: {state}
          {(last_error ?? reason) && ` (${last_error ?? reason})`}
        </li>
      ))}
    </ul>
  );
}
