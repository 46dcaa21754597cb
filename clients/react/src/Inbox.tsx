import type { InboxFilter, Notice } from '@avance/client';
import type { ReactNode } from 'react';
import { useLocale } from './context.tsx';
import type { Locale } from './locale.ts';
import { type Say, sayIn } from './text.ts';
import { type UseInbox, useInbox } from './useInbox.ts';

export interface InboxProps {
  filter?: InboxFilter;
  locale?: Locale;
  /** Somebody opened one; it is read then. Without it, one with an address is a link. */
  onOpen?: (notice: Notice) => void;
  /** What stands beside a notification, instead of archive and delete. */
  renderActions?: (notice: Notice, inbox: UseInbox) => ReactNode;
}

/** The user's notifications, live, the newest first. */
export function Inbox({ filter, locale: own, onOpen, renderActions }: InboxProps): ReactNode {
  const locale = useLocale(own);
  const say = sayIn(locale);
  const inbox = useInbox(filter);
  const { items, unread, isLoading, hasMore, error } = inbox;
  return (
    <section className="avance-inbox" aria-label={say('inbox')} aria-busy={isLoading}>
      {error && (
        <div className="avance-job-error">
          {say('unavailable', { what: error.message })}{' '}
          <button type="button" className="avance-button" onClick={() => void inbox.refetch()}>
            {say('retry')}
          </button>
        </div>
      )}
      {unread > 0 && (
        <button
          type="button"
          className="avance-button"
          onClick={() => void quietly(inbox.markAllRead())}
        >
          {say('markAllRead')}
        </button>
      )}
      {items.length === 0 && !error && (
        <p className="avance-empty">{say(isLoading ? 'loading' : 'inboxEmpty')}</p>
      )}
      <ul className="avance-list">
        {items.map((notice) => (
          <li key={notice.id}>
            <NoticeRow notice={notice} say={say} locale={locale} inbox={inbox} onOpen={onOpen}>
              {renderActions?.(notice, inbox)}
            </NoticeRow>
          </li>
        ))}
      </ul>
      {hasMore && (
        <button
          type="button"
          className="avance-button"
          disabled={isLoading}
          onClick={() => void inbox.fetchMore()}
        >
          {say('more')}
        </button>
      )}
    </section>
  );
}

interface RowProps {
  notice: Notice;
  say: Say;
  locale: Locale;
  inbox: UseInbox;
  onOpen: InboxProps['onOpen'];
  children: ReactNode;
}

function NoticeRow({ notice, say, locale, inbox, onOpen, children }: RowProps): ReactNode {
  const { id, title, body, priority, read_at, archived_at, created_at, url } = notice;
  const open = (): void => {
    if (!read_at) void quietly(inbox.markRead(id));
    onOpen?.(notice);
  };
  const button = (key: Parameters<Say>[0], act: () => Promise<void>): ReactNode => (
    <button type="button" className="avance-button" onClick={() => void quietly(act())}>
      {say(key)}
      <span className="avance-hidden"> {title}</span>
    </button>
  );
  return (
    <article className="avance-notice" data-priority={priority} data-unread={!read_at || undefined}>
      <div className="avance-job-head">
        {onOpen ? (
          <button type="button" className="avance-notice-title" onClick={open}>
            {title}
          </button>
        ) : url ? (
          <a className="avance-notice-title" href={url} onClick={open}>
            {title}
          </a>
        ) : (
          <span className="avance-notice-title">{title}</span>
        )}
        {!read_at && <span className="avance-hidden">{say('isUnread')}</span>}
        <time dateTime={created_at}>
          {new Intl.DateTimeFormat(locale, { dateStyle: 'short', timeStyle: 'short' }).format(
            new Date(created_at),
          )}
        </time>
      </div>
      {body && <p>{body}</p>}
      <div className="avance-job-head">
        {read_at
          ? button('markUnread', () => inbox.markUnread(id))
          : button('markRead', () => inbox.markRead(id))}
        {children ?? (
          <>
            {archived_at
              ? button('unarchive', () => inbox.unarchive(id))
              : button('archive', () => inbox.archive(id))}
            {button('delete', () => inbox.remove(id))}
          </>
        )}
      </div>
    </article>
  );
}

// What the server refuses is taken back on the screen; the row as it was is the message.
function quietly(done: Promise<void>): Promise<void> {
  return done.catch(() => undefined);
}
