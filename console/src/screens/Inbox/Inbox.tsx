import { asAvanceError, type InboxStatus, type Notice } from '@avance/client';
import { type UseInbox, useInbox } from '@avance/react';
import { useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { useSession } from '../../app/SessionGate.tsx';
import { useToast } from '../../app/Toasts.tsx';
import { useI18n } from '../../i18n/I18n.tsx';
import { sayError } from '../../lib/sayError.ts';
import { useKeys } from '../../lib/useKeys.ts';
import { useOnline } from '../../lib/useOnline.ts';
import { useTitle } from '../../lib/useTitle.ts';
import { ConfirmDialog } from '../../widgets/ConfirmDialog.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Notice as Box } from '../../widgets/Notice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { Compose } from './Compose.tsx';
import css from './Inbox.module.css';
import { NoticeRow } from './NoticeRow.tsx';
import { PreferencesDialog } from './PreferencesDialog.tsx';
import { useTexts } from './texts.ts';

const TABS = ['all', 'unread', 'read', 'archived'] as const satisfies readonly InboxStatus[];

export function InboxScreen() {
  const { t } = useTexts();
  const query = new URLSearchParams(useSearch());
  const status = TABS.find((one) => one === query.get('show')) ?? 'all';
  const [kind, setKind] = useState('');
  const inbox = useInbox({ status, ...(kind && { kind }) });
  useTitle(inbox.unread > 0 ? `(${inbox.unread}) ${t('title')}` : t('title'));
  return (
    <div className={css.screen}>
      <Head inbox={inbox} />
      <div className={css.filters}>
        <nav aria-label={t('show')}>
          {TABS.map((tab) => (
            <Link
              key={tab}
              href={tab === 'all' ? '/inbox' : `/inbox?show=${tab}`}
              aria-current={tab === status ? 'true' : undefined}
            >
              {t(tab)}
            </Link>
          ))}
        </nav>
        <Kinds inbox={inbox} kind={kind} onChange={setKind} />
      </div>
      <List inbox={inbox} hasFilter={status !== 'all' || kind !== ''} />
    </div>
  );
}

function Head({ inbox }: { inbox: UseInbox }) {
  const { t } = useTexts();
  const { me } = useSession();
  const isOnline = useOnline();
  const act = useAct();
  const [open, setOpen] = useState<'preferences' | 'compose'>();
  return (
    <div className={css.head}>
      <h1>{t('title')}</h1>
      <span className={css.count}>{t('count', { n: inbox.unread })}</span>
      <div className={css.buttons}>
        <button
          type="button"
          disabled={inbox.unread === 0 || !isOnline}
          onClick={() => void act(inbox.markAllRead)}
        >
          {t('markAll')}
        </button>
        <button type="button" onClick={() => setOpen('preferences')}>
          {t('preferences')}
        </button>
        {me.role !== 'user' && (
          <button type="button" onClick={() => setOpen('compose')}>
            {t('compose')}
          </button>
        )}
      </div>
      <PreferencesDialog
        isOpen={open === 'preferences'}
        onClose={() => setOpen(undefined)}
        onDeleteAll={() => void act(inbox.removeAll)}
      />
      <Compose isOpen={open === 'compose'} onClose={() => setOpen(undefined)} />
    </div>
  );
}

interface KindsProps {
  inbox: UseInbox;
  kind: string;
  onChange: (kind: string) => void;
}

function Kinds({ inbox, kind, onChange }: KindsProps) {
  const { t } = useTexts();
  const [seen] = useState(() => new Set<string>());
  for (const notice of inbox.items) seen.add(notice.kind);
  if (seen.size < 2 && kind === '') return null;
  return (
    <label className={css.kind}>
      {t('kind')}{' '}
      <select value={kind} onChange={(event) => onChange(event.target.value)}>
        <option value="">{t('allKinds')}</option>
        {[...seen].sort().map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </label>
  );
}

function List({ inbox, hasFilter }: { inbox: UseInbox; hasFilter: boolean }) {
  const { t: say } = useI18n();
  const { t } = useTexts();
  const [, navigate] = useLocation();
  const act = useAct();
  const [doomed, doom] = useState<Notice>();
  const { items, isLoading, error, hasMore } = inbox;
  const move = (step: number): void => {
    const titles = [...document.querySelectorAll<HTMLElement>('[data-notice-title]')];
    const here = titles.indexOf(document.activeElement as HTMLElement);
    titles[Math.min(Math.max(here + step, 0), titles.length - 1)]?.focus();
  };
  useKeys({ j: () => move(1), k: () => move(-1) });
  const open = (notice: Notice): void => {
    if (!notice.read_at) void act(() => inbox.markRead(notice.id));
    if (notice.job_id) navigate(`/jobs/${encodeURIComponent(notice.job_id)}`);
  };
  return (
    <>
      {error && (
        <ErrorNotice
          title={say('error.title')}
          error={error}
          onRetry={() => void inbox.refetch()}
        />
      )}
      {items.length === 0 && isLoading && <Skeleton rows={4} />}
      {items.length === 0 && !isLoading && !error && (
        <Box tone="empty" title={t(hasFilter ? 'emptyFiltered' : 'empty')}>
          {hasFilter ? <Link href="/inbox">{say('jobs.clear')}</Link> : <p>{t('emptyHint')}</p>}
        </Box>
      )}
      <ul className={css.list}>
        {items.map((notice) => (
          <li key={notice.id}>
            <NoticeRow
              notice={notice}
              onOpen={open}
              onRead={(is) =>
                void act(() => (is ? inbox.markRead(notice.id) : inbox.markUnread(notice.id)))
              }
              onArchive={(is) =>
                void act(() => (is ? inbox.archive(notice.id) : inbox.unarchive(notice.id)))
              }
              onDelete={() => doom(notice)}
            />
          </li>
        ))}
      </ul>
      {hasMore && (
        <button type="button" disabled={isLoading} onClick={() => void inbox.fetchMore()}>
          {say('more.show')}
        </button>
      )}
      <ConfirmDialog
        title={t('deleteTitle')}
        text={t('deleteText', { title: doomed?.title ?? '' })}
        action={t('delete')}
        isOpen={doomed !== undefined}
        onClose={() => doom(undefined)}
        onConfirm={() => doomed && void act(() => inbox.remove(doomed.id))}
      />
    </>
  );
}

/** Do it, and say what the server refused. */
function useAct(): (action: () => Promise<void>) => Promise<void> {
  const { t: say } = useI18n();
  const toast = useToast();
  return (action) =>
    action().catch((thrown: unknown) =>
      toast({ tone: 'error', text: sayError(asAvanceError(thrown), say) }),
    );
}
