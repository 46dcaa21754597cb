import type { AvanceError, InboxFilter, InboxListState, InboxState, Notice } from '@avance/client';
import { useMemo } from 'react';
import { useAvance } from './context.tsx';
import { useSource } from './useSource.ts';

export interface UseUnread {
  unread: number;
  unseen: number;
  byPriority: Readonly<Record<string, number>>;
  /** False until the server has told. */
  isKnown: boolean;
  error: AvanceError | undefined;
}

export interface UseInbox extends Omit<UseUnread, 'isKnown' | 'byPriority'> {
  items: readonly Notice[];
  hasMore: boolean;
  isLoading: boolean;
  fetchMore: () => Promise<void>;
  refetch: () => Promise<void>;
  /** Shown at once; taken back and thrown when the server refuses. */
  markRead: (...ids: number[]) => Promise<void>;
  markUnread: (...ids: number[]) => Promise<void>;
  markAllRead: () => Promise<void>;
  markAllSeen: () => Promise<void>;
  archive: (...ids: number[]) => Promise<void>;
  unarchive: (...ids: number[]) => Promise<void>;
  /** Put off until a moment, such as `2026-01-01T08:00:00Z`. */
  snooze: (id: number, until: string) => Promise<void>;
  remove: (...ids: number[]) => Promise<void>;
  removeAll: () => Promise<void>;
}

const UNKNOWN: InboxState = {
  counts: { unread: 0, unseen: 0, by_priority: {}, version: -1 },
  isKnown: false,
  error: undefined,
};
const LOADING: InboxListState = { items: [], hasMore: false, isLoading: true, error: undefined };

/** How many notifications wait for the user, live. */
export function useUnread(): UseUnread {
  const { counts, isKnown, error } = useSource(useAvance().inbox, UNKNOWN);
  return useMemo(
    () => ({
      unread: counts.unread,
      unseen: counts.unseen,
      byPriority: counts.by_priority,
      isKnown,
      error,
    }),
    [counts, isKnown, error],
  );
}

/** The user's notifications that fit a filter, the newest first, live. */
export function useInbox(filter: InboxFilter = {}): UseInbox {
  const { inbox } = useAvance();
  // A filter is written anew in each render; what counts is what it says.
  const key = JSON.stringify(filter);
  const list = useMemo(() => inbox.list(JSON.parse(key) as InboxFilter), [inbox, key]);
  const { items, hasMore, isLoading, error } = useSource(list, LOADING);
  const { unread, unseen, error: failure } = useUnread();
  return useMemo(
    () => ({
      items,
      unread,
      unseen,
      hasMore,
      isLoading,
      error: error ?? failure,
      fetchMore: list.fetchMore,
      refetch: list.refetch,
      markRead: (...ids) => inbox.operate('read', ids),
      markUnread: (...ids) => inbox.operate('unread', ids),
      markAllRead: () => inbox.operateAll('read'),
      markAllSeen: () => inbox.operateAll('seen'),
      archive: (...ids) => inbox.operate('archive', ids),
      unarchive: (...ids) => inbox.operate('unarchive', ids),
      snooze: (id, until) => inbox.operate('snooze', [id], until),
      remove: (...ids) => inbox.operate('delete', ids),
      removeAll: () => inbox.operateAll('delete'),
    }),
    [items, unread, unseen, hasMore, isLoading, error, failure, list, inbox],
  );
}
