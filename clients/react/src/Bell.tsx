import type { Notice } from '@avance/client';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useLocale } from './context.tsx';
import { Inbox } from './Inbox.tsx';
import type { Locale } from './locale.ts';
import { sayIn } from './text.ts';
import { useConnection } from './useConnection.ts';
import { useUnread } from './useInbox.ts';

export interface BellProps {
  locale?: Locale;
  onOpen?: (notice: Notice) => void;
  /** Below the newest ones, such as a link to all of them; told how to close the panel. */
  renderFoot?: (close: () => void) => ReactNode;
}

/** More than that is said as "99+". */
const SHOWN_MAX = 99;
const NEWEST = 10;

/** A bell with the number of unread ones, grey while not connected; it opens the newest ones. */
export function Bell({ locale: own, onOpen, renderFoot }: BellProps): ReactNode {
  const locale = useLocale(own);
  const say = sayIn(locale);
  const { unread, isKnown } = useUnread();
  const { status } = useConnection();
  const [isOpen, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const isLive = isKnown && (status === 'live' || status === 'polling');
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  useEffect(() => {
    if (!isOpen) return undefined;
    const outside = (event: Event): void => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener('pointerdown', outside);
    return () => document.removeEventListener('pointerdown', outside);
  }, [isOpen]);
  const shown = unread > SHOWN_MAX ? `${SHOWN_MAX}+` : unread;
  // It says the number that is seen, whether or not that is still true.
  const label = isKnown ? say(isLive ? 'bell' : 'bellOff', { n: shown }) : say('bellUnknown');
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Esc closes what the button inside opened
    <div
      ref={box}
      className="avance-bell"
      data-live={isLive || undefined}
      onKeyDown={(event) => isOpen && event.key === 'Escape' && close()}
    >
      <button
        ref={button}
        type="button"
        className="avance-button"
        aria-label={label}
        title={label}
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
          <path d="M8 2a4 4 0 0 0-4 4c0 4-1.5 5-1.5 5h11S12 10 12 6a4 4 0 0 0-4-4M6.5 13a1.5 1.5 0 0 0 3 0" />
        </svg>
        {isKnown && unread > 0 && (
          <span className="avance-bell-count" aria-hidden="true">
            {shown}
          </span>
        )}
      </button>
      {isOpen && (
        <div className="avance-bell-panel">
          <Inbox
            filter={{ limit: NEWEST }}
            locale={locale}
            {...(onOpen && {
              onOpen: (notice: Notice) => {
                close();
                onOpen(notice);
              },
            })}
          />
          {renderFoot?.(close)}
        </div>
      )}
    </div>
  );
}
