import type { Counts, InboxSnapshot, Notice, Preferences } from '../../src/wire.ts';
import { json, problem } from './fakeServer.ts';

type Told = { seq: number } & Record<string, unknown>;

const NOW = '2026-01-01T00:00:00.000Z';

/** The inbox of the one user of the fake server: rows, counts with their version, and what is told. */
export class FakeInbox {
  readonly rows = new Map<number, Notice>();
  version = 0;
  seq = 0;
  preferences: Preferences = {};
  isRefusing = false;
  readonly #tell: (event: Told) => void;

  constructor(tell: (event: Told) => void) {
    this.#tell = tell;
  }

  get counts(): Counts {
    const unread = [...this.rows.values()].filter((one) => !one.read_at && !one.archived_at);
    const by_priority: Record<string, number> = {};
    for (const { priority } of unread) by_priority[priority] = (by_priority[priority] ?? 0) + 1;
    const unseen = unread.filter((one) => !one.seen_at).length;
    return { unread: unread.length, unseen, by_priority, version: this.version };
  }

  get snapshot(): InboxSnapshot {
    const notifications = this.#newest().slice(0, 20);
    return { v: 1, seq: this.seq, type: 'snapshot', counts: this.counts, notifications };
  }

  /** Somebody sends one. */
  notice(title: string, more: Partial<Notice> = {}): Notice {
    const notice = this.store(title, more);
    this.#told({ type: 'notification', notification: notice });
    return notice;
  }

  /** The same, while nobody listens. */
  store(title: string, more: Partial<Notice> = {}): Notice {
    const id = this.rows.size + 1;
    const plain = { kind: 'info', priority: 'normal', body: '', created_at: NOW } as const;
    const notice: Notice = { id, title, ...plain, ...more };
    this.rows.set(id, notice);
    this.version += 1;
    return notice;
  }

  /** As done on another device. */
  operate(op: string, ids: readonly number[]): void {
    for (const id of ids) {
      const row = this.rows.get(id);
      if (row === undefined) continue;
      if (op === 'delete') this.rows.delete(id);
      else this.rows.set(id, operated(row, op));
    }
    this.version += 1;
    this.#told({ type: 'changed', op, ids });
  }

  answer(method: string, part: string | undefined, body: unknown, url: URL): Response {
    if (part === 'preferences') {
      if (method === 'PUT') this.preferences = body as Preferences;
      return json(this.preferences);
    }
    if (method === 'GET') return this.#page(url);
    if (this.isRefusing) return problem(503, 'unavailable', 'the store is away');
    const { ids, up_to } = body as { ids?: number[]; up_to?: number };
    const chosen = ids?.length
      ? ids
      : [...this.rows.keys()].filter((id) => up_to !== undefined && id <= up_to);
    this.operate(part ?? '', chosen);
    return json({ changed: chosen.length, counts: this.counts });
  }

  #page(url: URL): Response {
    const limit = Number(url.searchParams.get('limit') ?? 20);
    const before = Number(url.searchParams.get('before') ?? Number.POSITIVE_INFINITY);
    const status = url.searchParams.get('status') ?? 'all';
    const rows = this.#newest().filter(
      (row) =>
        row.id < before &&
        (status === 'archived' ? row.archived_at : !row.archived_at) &&
        (status !== 'unread' || !row.read_at) &&
        (status !== 'read' || row.read_at),
    );
    const notifications = rows.slice(0, limit);
    const cursor = notifications.length === limit ? (notifications.at(-1)?.id ?? null) : null;
    return json({ notifications, total: rows.length, counts: this.counts, cursor });
  }

  #newest(): Notice[] {
    return [...this.rows.values()].sort((a, b) => b.id - a.id);
  }

  #told(event: Record<string, unknown>): void {
    this.seq += 1;
    this.#tell({ v: 1, seq: this.seq, ts: NOW, counts: this.counts, ...event });
  }
}

function operated(row: Notice, op: string): Notice {
  const { read_at: _, ...unread } = row;
  if (op === 'unread') return unread;
  const stamp = { seen: 'seen_at', read: 'read_at', archive: 'archived_at' }[op];
  return stamp === undefined ? row : { ...row, [stamp]: NOW };
}
