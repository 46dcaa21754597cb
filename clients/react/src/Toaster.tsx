import type { Notice } from '@avance/client';
import { type ReactNode, useEffect, useState } from 'react';
import { useAvance, useLocale } from './context.tsx';
import type { Locale } from './locale.ts';
import { sayIn } from './text.ts';
import { useLatest } from './useSource.ts';

export interface ToasterProps {
  locale?: Locale;
  /** Of a toast that nobody points at. */
  shownMs?: number;
  /** Which ones are shown; default: all. */
  filter?: (notice: Notice) => boolean;
  onOpen?: (notice: Notice) => void;
}

const SHOWN_MS = 5_000;
const SHOWN_MAX = 4;

/** New notifications in the corner, for a while. They are in the inbox too, so nothing is lost with them. */
export function Toaster({
  locale: own,
  shownMs = SHOWN_MS,
  filter,
  onOpen,
}: ToasterProps): ReactNode {
  const say = sayIn(useLocale(own));
  const { inbox } = useAvance();
  const [notices, set] = useState<readonly Notice[]>([]);
  const latest = useLatest(filter);
  useEffect(
    () =>
      inbox.onNotice((notice) => {
        if (latest.current?.(notice) ?? true) {
          set((before) => [...before, notice].slice(-SHOWN_MAX));
        }
      }),
    [inbox, latest],
  );
  const end = (id: number): void => set((before) => before.filter((one) => one.id !== id));
  return (
    <div className="avance-toasts" role="status" aria-live="polite">
      {notices.map((notice) => (
        <Toast
          key={notice.id}
          notice={notice}
          shownMs={shownMs}
          closeLabel={say('dismiss')}
          onEnd={() => end(notice.id)}
          onOpen={onOpen}
        />
      ))}
    </div>
  );
}

interface ToastProps {
  notice: Notice;
  shownMs: number;
  closeLabel: string;
  onEnd: () => void;
  onOpen: ToasterProps['onOpen'];
}

function Toast({ notice, shownMs, closeLabel, onEnd, onOpen }: ToastProps): ReactNode {
  const [isHeld, hold] = useState(false);
  const latest = useLatest(onEnd);
  useEffect(() => {
    if (isHeld) return undefined;
    const timer = setTimeout(() => latest.current(), shownMs);
    return () => clearTimeout(timer);
  }, [isHeld, shownMs, latest]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: looking at it keeps it; closing has a button
    <div
      className="avance-toast"
      data-priority={notice.priority}
      onMouseEnter={() => hold(true)}
      onMouseLeave={() => hold(false)}
      onFocus={() => hold(true)}
      onBlur={() => hold(false)}
      onKeyDown={(event) => event.key === 'Escape' && onEnd()}
    >
      <div>
        {onOpen ? (
          <button
            type="button"
            className="avance-notice-title"
            onClick={() => {
              onEnd();
              onOpen(notice);
            }}
          >
            {notice.title}
          </button>
        ) : (
          <strong>{notice.title}</strong>
        )}
        {notice.body && <p>{notice.body}</p>}
      </div>
      <button type="button" className="avance-button" aria-label={closeLabel} onClick={onEnd}>
        ×
      </button>
    </div>
  );
}
