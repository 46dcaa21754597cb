import type { JobFilter, JobState } from '@avance/client';

export const GROUPS = [
  'all',
  'active',
  'queued',
  'running',
  'completed',
  'failed',
  'cancelled',
] as const;
export type Group = (typeof GROUPS)[number];

const STATES: Record<Group, readonly JobState[] | undefined> = {
  all: undefined,
  active: ['scheduled', 'queued', 'running', 'retrying'],
  queued: ['scheduled', 'queued', 'retrying'],
  running: ['running'],
  completed: ['completed'],
  failed: ['failed', 'expired'],
  cancelled: ['cancelled'],
};

/** Below "More filters": as they stand in the address. */
export const MORE = ['task', 'owner', 'tag', 'from', 'to'] as const;

export interface Wanted extends Record<(typeof MORE)[number], string> {
  group: Group;
  text: string;
}

/** What the query of the address asks for; what it says wrongly is left out. */
export function readQuery(query: string): Wanted {
  const given = new URLSearchParams(query);
  const state = given.get('state');
  const of = (name: string): string => given.get(name) ?? '';
  return {
    group: GROUPS.find((one) => one === state) ?? 'all',
    text: of('text'),
    task: of('task'),
    owner: of('owner'),
    tag: of('tag'),
    from: asMoment(of('from')) ? of('from') : '',
    to: asMoment(of('to')) ? of('to') : '',
  };
}

export function writeQuery({ group, ...texts }: Wanted): string {
  const query = new URLSearchParams();
  if (group !== 'all') query.set('state', group);
  for (const [name, text] of Object.entries(texts)) if (text !== '') query.set(name, text);
  return query.size === 0 ? '/jobs' : `/jobs?${query}`;
}

export function filterOf({ group, text, task, owner, tag, from, to }: Wanted): JobFilter {
  const state = STATES[group];
  const after = asMoment(from);
  const before = asMoment(to);
  return {
    ...(state && { state }),
    ...(text && { text }),
    ...(task && { kind: task }),
    ...(owner && { owner }),
    ...(tag && { tag }),
    ...(after && { created_after: after }),
    ...(before && { created_before: before }),
  };
}

export function hasMore(wanted: Wanted): boolean {
  return MORE.some((name) => wanted[name] !== '');
}

// The address has the reader's own clock, as the input has; the server wants a moment.
function asMoment(local: string): string | undefined {
  const moment = new Date(local);
  return Number.isNaN(moment.getTime()) ? undefined : moment.toISOString();
}
