import type { Api } from './api.ts';
import { type AvanceError, asAvanceError } from './errors.ts';
import {
  EMPTY_INBOX,
  type InboxEntry,
  type InboxOp,
  isForetold,
  newer,
  type Overlay,
  shown,
  takeChange,
  takeNotices,
} from './inboxState.ts';
import { createNotifier } from './notifier.ts';
import type {
  Counts,
  InboxChannelEvent,
  InboxPage,
  Notice,
  OperationAnswer,
  Preferences,
} from './wire.ts';

export type { InboxOp } from './inboxState.ts';

export type InboxStatus = 'all' | 'unread' | 'read' | 'archived' | 'snoozed';

export interface InboxFilter {
  status?: InboxStatus;
  kind?: string;
  limit?: number;
}

export interface InboxState {
  readonly counts: Counts;
  /** Whether the server has told; before, the counts are zero because nothing is known. */
  readonly isKnown: boolean;
  readonly error: AvanceError | undefined;
}

export interface InboxListState {
  readonly items: readonly Notice[];
  readonly hasMore: boolean;
  readonly isLoading: boolean;
  readonly error: AvanceError | undefined;
}

export interface InboxListRef {
  readonly subscribe: (listener: () => void) => () => void;
  readonly get: () => InboxListState;
  readonly fetchMore: () => Promise<void>;
  readonly refetch: () => Promise<void>;
}

/** The notifications of the page's user, live while somebody listens. */
export interface Inbox {
  /** The counts, as an external store. */
  readonly subscribe: (listener: () => void) => () => void;
  readonly get: () => InboxState;
  /** Pages of those that fit a filter, the newest first. */
  list: (filter?: InboxFilter) => InboxListRef;
  /** Hear of each new notification, once. */
  onNotice: (listener: (notice: Notice) => void) => () => void;
  /** Change some, shown at once and taken back if the server refuses. */
  operate: (op: InboxOp, ids: readonly number[], until?: string) => Promise<void>;
  /** Read or seen: all that have arrived here; what arrives meanwhile is left alone. */
  operateAll: (op: 'read' | 'seen' | 'delete') => Promise<void>;
  preferences: () => Promise<Preferences>;
  setPreferences: (preferences: Preferences) => Promise<Preferences>;
}

export interface InboxContext {
  api: Api;
  /** Follow the channel of the user's inbox. */
  follow(follower: InboxFollower): () => void;
}

/** Who hears what comes on the channel. */
export interface InboxFollower {
  onEvent: (event: InboxChannelEvent) => void;
  onGap: () => void;
  onError: (error: AvanceError) => void;
}

/** An answer that events overtook is asked for again, so often. */
const OVERTAKEN_MAX = 3;
const PAGE_DEFAULT = 20;

export function createInbox({ api, follow }: InboxContext): Inbox {
  let entry = EMPTY_INBOX;
  let overlays: readonly Overlay[] = [];
  let view = EMPTY_INBOX;
  let error: AvanceError | undefined;
  let state: InboxState = { counts: EMPTY_INBOX.counts, isKnown: false, error };
  const listeners = new Set<(notice: Notice) => void>();
  const gaps = new Set<() => void>();
  let announced = 0;

  const { subscribe, notify } = createNotifier(() => {
    void page({ limit: 1 }, undefined).catch((thrown: unknown) => fail(asAvanceError(thrown)));
    return follow({ onEvent, onGap, onError: fail });
  });

  function update(next: InboxEntry, left: readonly Overlay[] = overlays): void {
    entry = next;
    overlays = left;
    view = shown(entry, overlays);
    error = undefined;
    state = { counts: view.counts, isKnown: entry.counts.version >= 0, error };
    notify();
  }

  function fail(failure: AvanceError): void {
    error = failure;
    state = { ...state, error };
    notify();
  }

  function onEvent(event: InboxChannelEvent): void {
    if (event.type === 'snapshot') {
      update(takeNotices(entry, event.notifications, event.counts));
      return;
    }
    if (event.type === 'changed') {
      const left = overlays.filter((overlay) => !isForetold(overlay, event));
      update(takeChange(entry, event), left);
      // Something stands there that was not told.
      if (event.op === 'added' || event.op === 'wake') onGap();
      return;
    }
    const { notification, counts } = event;
    update(takeNotices(entry, [notification], counts));
    if (notification.id <= announced) return;
    announced = notification.id;
    for (const listener of listeners) listener(notification);
  }

  function onGap(): void {
    for (const gap of gaps) gap();
  }

  async function page(
    { status = 'all', kind, limit = PAGE_DEFAULT }: InboxFilter,
    before: number | undefined,
  ): Promise<InboxPage> {
    for (let round = 1; ; round += 1) {
      const query = { status, kind, limit, before };
      const answer = await api.request<InboxPage>('/v1/inbox', { query });
      const isOvertaken = answer.counts.version < entry.counts.version;
      if (isOvertaken && round < OVERTAKEN_MAX) continue;
      update(takeNotices(entry, answer.notifications, answer.counts));
      return answer;
    }
  }

  async function send(overlay: Overlay, until: string | undefined): Promise<void> {
    update(entry, [...overlays, overlay]);
    const { op, ids, upTo: up_to } = overlay;
    try {
      const body = { ids, up_to, until };
      const call = { method: 'POST', body } as const;
      const { counts } = await api.request<OperationAnswer>(`/v1/inbox/${op}`, call);
      const isTold = !overlays.includes(overlay);
      const left = overlays.filter((one) => one !== overlay);
      const told = { type: 'changed', v: 1, seq: 0, ts: overlay.at } as const;
      const which = { op, ids: [...ids], ...(up_to !== undefined && { up_to }) };
      const change = { ...told, ...which, counts };
      update(isTold ? { ...entry, counts: newer(entry.counts, counts) } : settle(change), left);
    } catch (thrown) {
      update(
        entry,
        overlays.filter((one) => one !== overlay),
      );
      throw thrown;
    }
  }

  // The answer came before the event, which then says nothing new.
  function settle(change: Extract<InboxChannelEvent, { type: 'changed' }>): InboxEntry {
    const { counts } = entry;
    const forced = takeChange({ ...entry, counts: { ...counts, version: -1 } }, change);
    return { ...forced, counts: newer(counts, change.counts) };
  }

  const newest = (): number => Math.max(0, ...view.notices.keys());

  return {
    subscribe,
    get: () => state,
    list: (filter = {}) => {
      const fits = fitting(filter);
      let oldest = Number.POSITIVE_INFINITY;
      let list: InboxListState = { items: [], hasMore: false, isLoading: true, error: undefined };
      let of: InboxEntry | undefined;
      let changes = createNotifier();
      let loading: Promise<void> | undefined;

      function set(change: Partial<InboxListState>): void {
        list = { ...list, ...change };
        changes.notify();
      }

      function get(): InboxListState {
        if (of === view) return list;
        of = view;
        const isInReach = ({ id }: Notice): boolean => !list.hasMore || id >= oldest;
        const items = [...view.notices.values()].filter(
          (notice) => fits(notice) && isInReach(notice),
        );
        list = { ...list, items: items.sort((a, b) => b.id - a.id) };
        return list;
      }

      function load(before?: number): Promise<void> {
        set({ isLoading: true });
        loading = page(filter, before)
          .then(({ cursor }) => {
            oldest = cursor ?? 0;
            of = undefined;
            set({ isLoading: false, hasMore: cursor !== null, error: undefined });
          })
          .catch((thrown: unknown) => set({ isLoading: false, error: asAvanceError(thrown) }))
          .finally(() => {
            loading = undefined;
          });
        return loading;
      }

      async function refetch(): Promise<void> {
        await loading;
        await load();
      }

      const again = (): void => void refetch();
      changes = createNotifier(() => {
        const stop = subscribe(changes.notify);
        gaps.add(again);
        void load();
        return () => {
          stop();
          gaps.delete(again);
        };
      });
      return {
        subscribe: changes.subscribe,
        get,
        refetch,
        fetchMore: async () => {
          if (loading === undefined && get().hasMore) load(oldest);
          await loading;
        },
      };
    },
    onNotice(listener) {
      listeners.add(listener);
      const stop = subscribe(() => undefined);
      return () => {
        listeners.delete(listener);
        stop();
      };
    },
    operate: (op, ids, until) =>
      send({ op, ids, upTo: undefined, at: until ?? new Date().toISOString() }, until),
    operateAll: (op) =>
      send({ op, ids: [], upTo: newest(), at: new Date().toISOString() }, undefined),
    preferences: () => api.request('/v1/inbox/preferences'),
    setPreferences: (body) => api.request('/v1/inbox/preferences', { method: 'PUT', body }),
  };
}

function fitting({ status = 'all', kind }: InboxFilter): (notice: Notice) => boolean {
  return (notice) => {
    if (kind !== undefined && notice.kind !== kind) return false;
    const isSnoozed = !!notice.snoozed_until;
    if (status === 'archived') return !!notice.archived_at;
    if (status === 'snoozed') return isSnoozed;
    if (notice.archived_at || isSnoozed) return false;
    return status === 'all' || (status === 'read') === !!notice.read_at;
  };
}
