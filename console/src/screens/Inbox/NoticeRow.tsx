import type { Notice } from '@avance/client';
import { memo } from 'react';
import { useOnline } from '../../lib/useOnline.ts';
import { Moment } from '../../widgets/Moment.tsx';
import css from './Inbox.module.css';
import { useTexts } from './texts.ts';

export interface NoticeRowProps {
  notice: Notice;
  onOpen: (notice: Notice) => void;
  onRead: (is: boolean) => void;
  onArchive: (is: boolean) => void;
  onDelete: () => void;
}

function Row({ notice, onOpen, onRead, onArchive, onDelete }: NoticeRowProps) {
  const { t } = useTexts();
  const isOnline = useOnline();
  const { title, body, priority, kind, created_at, read_at, archived_at, url, job_id, actions } =
    notice;
  const button = (text: string, act: () => void) => (
    <button type="button" disabled={!isOnline} onClick={act}>
      {text}
      <span className="visually-hidden"> {title}</span>
    </button>
  );
  return (
    <article className={css.notice} data-priority={priority} data-unread={!read_at || undefined}>
      <div className={css.line}>
        <button
          type="button"
          className={css.title}
          data-notice-title
          onClick={() => onOpen(notice)}
        >
          {title}
        </button>
        {!read_at && <span className={css.mark}>{t('isUnread')}</span>}
        <span className={css.about}>
          {kind} · {t(`priority.${priority}`)} · <Moment at={created_at} />
        </span>
      </div>
      {body && <p>{body}</p>}
      <div className={css.line}>
        {job_id && button(t('openJob'), () => onOpen(notice))}
        {url && isSafe(url) && <a href={url}>{url}</a>}
        {actions
          ?.filter((one) => isSafe(one.url))
          .map((one) => (
            <a key={one.url} href={one.url}>
              {one.label}
            </a>
          ))}
        {read_at
          ? button(t('markUnread'), () => onRead(false))
          : button(t('markRead'), () => onRead(true))}
        {archived_at
          ? button(t('unarchive'), () => onArchive(false))
          : button(t('archive'), () => onArchive(true))}
        {button(t('delete'), onDelete)}
      </div>
    </article>
  );
}

/** Drawn again only when the notification changed. */
export const NoticeRow = memo(Row, (before, after) => before.notice === after.notice);

// Whoever sends a notification must not run a script by its address.
function isSafe(url: string): boolean {
  return /^(https?:|\/)/i.test(url);
}
