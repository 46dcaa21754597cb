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

export interface Wanted {
  group: Group;
  text: string;
}

/** What the query of the address asks for; what it says wrongly is left out. */
export function readQuery(query: string): Wanted {
  const given = new URLSearchParams(query);
  const state = given.get('state');
  return { group: GROUPS.find((one) => one === state) ?? 'all', text: given.get('text') ?? '' };
}

export function writeQuery({ group, text }: Wanted): string {
  const query = new URLSearchParams();
  if (group !== 'all') query.set('state', group);
  if (text !== '') query.set('text', text);
  return query.size === 0 ? '/jobs' : `/jobs?${query}`;
}

export function filterOf({ group, text }: Wanted): JobFilter {
  const state = STATES[group];
  return { ...(state && { state }), ...(text && { text }) };
}
