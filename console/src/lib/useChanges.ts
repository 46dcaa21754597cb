import type { JobState } from '@avance/client';
import { useEffect, useRef } from 'react';
import { useAnnounce } from '../app/Announcer.tsx';
import type { Key } from '../i18n/en.ts';
import { useI18n } from '../i18n/I18n.tsx';

const SAID: Readonly<Partial<Record<JobState, Key>>> = {
  running: 'announce.started',
  completed: 'announce.completed',
  failed: 'announce.failed',
  expired: 'announce.failed',
  cancelled: 'announce.cancelled',
};

/** Tell screen readers when a job starts and ends; how it was at first is on the page. */
export function useChanges(title: string, state: JobState | undefined): void {
  const { t } = useI18n();
  const announce = useAnnounce();
  const before = useRef(state);
  useEffect(() => {
    const from = before.current;
    before.current = state;
    if (from === undefined || state === undefined || from === state) return;
    const key = SAID[state];
    if (key !== undefined) announce(t(key, { title }));
  }, [announce, t, title, state]);
}
