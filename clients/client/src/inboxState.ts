// How notifications and their counts follow from what the server says and from what the user just
// did here. Pure: what the user did is laid over what the server said until it says it too.

import type { Counts, InboxChanged, Notice } from './wire.ts';

export type InboxOp =
  | 'seen'
  | 'read'
  | 'unread'
  | 'archive'
  | 'unarchive'
  | 'snooze'
  | 'wake'
  | 'delete';

/** Something the user did, of which the server has not told yet. */
export interface Overlay {
  op: InboxOp;
  ids: readonly number[];
  upTo: number | undefined;
  /** When it was done; for snooze when it comes back. */
  at: string;
}

export interface InboxEntry {
  readonly notices: ReadonlyMap<number, Notice>;
  readonly counts: Counts;
}

/** Older ones are dropped from memory; the server still has them. */
export const NOTICES_MAX = 5_000;

export const EMPTY_INBOX: InboxEntry = {
  notices: new Map(),
  counts: { unread: 0, unseen: 0, by_priority: {}, version: -1 },
};

/** Of two counts the newer, whichever came first. */
export function newer(a: Counts, b: Counts): Counts {
  return b.version > a.version ? b : a;
}

/** Take notices as they were when the counts had this version. */
export function takeNotices(
  entry: InboxEntry,
  notices: readonly Notice[],
  counts: Counts,
): InboxEntry {
  const isOld = counts.version < entry.counts.version;
  const next = new Map(entry.notices);
  // An answer that was overtaken by an event must not undo it.
  for (const notice of notices) if (!isOld || !next.has(notice.id)) next.set(notice.id, notice);
  const ids = [...next.keys()].sort((a, b) => b - a);
  for (const id of ids.slice(NOTICES_MAX)) next.delete(id);
  return { notices: next, counts: newer(entry.counts, counts) };
}

/** Take what changed on the server. */
export function takeChange(entry: InboxEntry, change: InboxChanged): InboxEntry {
  if (change.counts.version <= entry.counts.version) return entry;
  const { op, ids = [], up_to: upTo, ts: at } = change;
  const notices =
    op === 'added' ? entry.notices : changed(entry.notices, { op: op as InboxOp, ids, upTo, at });
  return { notices, counts: change.counts };
}

/** What is shown: as the server said, and what the user did since. */
export function shown(entry: InboxEntry, overlays: readonly Overlay[]): InboxEntry {
  return overlays.reduce((before, overlay) => {
    const notices = changed(before.notices, overlay);
    return { notices, counts: recount(before, notices, overlay) };
  }, entry);
}

/** Whether this change is the one that the overlay foretold. */
export function isForetold({ op, ids, upTo }: Overlay, change: InboxChanged): boolean {
  if (change.op !== op) return false;
  if (upTo !== undefined) return (change.up_to ?? Math.max(0, ...(change.ids ?? []))) <= upTo;
  return ids.some((id) => change.ids?.includes(id));
}

function changed(
  notices: ReadonlyMap<number, Notice>,
  overlay: Overlay,
): ReadonlyMap<number, Notice> {
  const next = new Map(notices);
  for (const [id, notice] of notices) {
    if (!concerns(overlay, id)) continue;
    const after = operated(notice, overlay);
    if (after === undefined) next.delete(id);
    else next.set(id, after);
  }
  return next;
}

function concerns({ ids, upTo }: Overlay, id: number): boolean {
  return ids.length > 0 ? ids.includes(id) : upTo !== undefined && id <= upTo;
}

function operated(notice: Notice, { op, at }: Overlay): Notice | undefined {
  const { read_at, seen_at, archived_at, snoozed_until, ...rest } = notice;
  const seen = { seen_at: seen_at ?? at };
  const stamps = {
    ...(read_at && { read_at }),
    ...(seen_at && { seen_at }),
    ...(archived_at && { archived_at }),
  };
  switch (op) {
    case 'seen':
      return { ...notice, ...seen };
    case 'read':
      return { ...notice, ...seen, read_at: read_at ?? at };
    case 'unread': {
      const { read_at: _, ...unread } = notice;
      return unread;
    }
    case 'archive':
      return { ...rest, ...stamps, archived_at: archived_at ?? at };
    case 'unarchive': {
      const { archived_at: _, ...standing } = notice;
      return standing;
    }
    case 'snooze':
      return { ...notice, snoozed_until: at };
    case 'wake':
      return rest;
    case 'delete':
      return undefined;
  }
}

function recount(
  { notices: before, counts }: InboxEntry,
  after: ReadonlyMap<number, Notice>,
  { op, upTo }: Overlay,
): Counts {
  const by_priority = { ...counts.by_priority };
  let { unread, unseen } = counts;
  for (const [id, notice] of before) {
    const next = after.get(id);
    if (next === notice) continue;
    const step = Number(isUnread(next)) - Number(isUnread(notice));
    unread += step;
    by_priority[notice.priority] = Math.max((by_priority[notice.priority] ?? 0) + step, 0);
    unseen += Number(isUnseen(next)) - Number(isUnseen(notice));
  }
  // All up to the newest, of which this page knows only some.
  const isAll = upTo !== undefined && upTo >= Math.max(0, ...before.keys());
  if (isAll && op === 'read') return { ...counts, unread: 0, unseen: 0, by_priority: {} };
  if (isAll && op === 'seen') unseen = 0;
  return { ...counts, unread: Math.max(unread, 0), unseen: Math.max(unseen, 0), by_priority };
}

function isUnread(notice: Notice | undefined): boolean {
  return notice !== undefined && !notice.read_at && !notice.archived_at && !notice.snoozed_until;
}

function isUnseen(notice: Notice | undefined): boolean {
  return isUnread(notice) && !notice?.seen_at;
}
