// The one place where events become what is shown. Pure: the same events in any interleaving of
// drops, reconnects and repeats end in the same entry.

import type { AvanceError } from './errors.ts';
import { asJob, isTerminal, type Job, type JobPhase, type LogLine, type Part } from './model.ts';
import type {
  Emitted,
  JobChannelEvent,
  JobError,
  JobEvent,
  JobView,
  PhaseChanged,
  Progress,
  StateChanged,
} from './wire.ts';

/** Older lines and chunks are dropped from memory; the server still has them. */
export const LOGS_MAX = 10_000;
export const PARTS_MAX = 10_000;
export const STEPS_MAX = 1_000;

/** How the job went from state to state and from phase to phase. */
export type Step = StateChanged | PhaseChanged;

/** What is known of one job. Frozen by convention: a change makes a new one, no change keeps it. */
export interface JobEntry<R = unknown> {
  readonly id: string;
  readonly job: Job<R> | undefined;
  readonly logs: readonly LogLine[];
  /** States and phases in their order, of all attempts. */
  readonly steps: readonly Step[];
  readonly streams: Readonly<Record<string, readonly Part[]>>;
  /** Why the job cannot be followed. */
  readonly error: AvanceError | undefined;
  readonly epoch: string;
  /** Events of the channel up to here have been taken. */
  readonly offset: number;
  /** `job` is at least as new as this, except for what only full views and events carry. */
  readonly viewSeq: number;
  /** Phases, result and meta are as new as this. */
  readonly fullSeq: number;
  /** Lines and chunks from before the first snapshot have been fetched. */
  readonly hasHistory: boolean;
}

export function emptyEntry(id: string): JobEntry {
  return {
    id,
    job: undefined,
    logs: [],
    steps: [],
    streams: {},
    error: undefined,
    epoch: '',
    offset: 0,
    viewSeq: -1,
    fullSeq: -1,
    hasHistory: false,
  };
}

/** Whether the job has ended, and everything of it is here; the summary of a list has no result. */
export function isSettled({ job, fullSeq, viewSeq }: JobEntry): boolean {
  return job !== undefined && isTerminal(job.state) && fullSeq >= viewSeq;
}

/** The channel goes on in this epoch; another one than before means that its numbers begin anew. */
export function enterEpoch(entry: JobEntry, epoch: string): JobEntry {
  if (entry.epoch === epoch && entry.error === undefined) return entry;
  if (entry.epoch === '' || entry.epoch === epoch) return { ...entry, epoch, error: undefined };
  return { ...emptyEntry(entry.id), job: entry.job, epoch };
}

/** These change what a summary leaves out. */
const IN_FULL: ReadonlySet<JobEvent['type']> = new Set(['phase', 'result', 'meta']);

/** Take what came on the channel of the job. */
export function takeEvent(entry: JobEntry, event: JobChannelEvent): JobEntry {
  if (event.type === 'snapshot') {
    const offset = Math.max(entry.offset, event.seq);
    // Lines between what we had and this snapshot were never sent.
    const hasHistory = entry.hasHistory && offset === entry.offset;
    return takeView({ ...entry, offset, hasHistory, error: undefined }, event.job, {
      isFull: true,
    });
  }
  if (event.seq <= entry.offset) return entry;
  const next = remember({ ...entry, offset: event.seq }, event);
  if (next.job === undefined) return next;
  const isInFull = IN_FULL.has(event.type);
  const isNews = event.seq > (isInFull ? entry.fullSeq : entry.viewSeq);
  const viewSeq = Math.max(entry.viewSeq, event.seq);
  return {
    ...next,
    job: settle(next.job, isNews ? apply(next.job, event) : next.job, viewSeq),
    viewSeq,
    fullSeq: Math.max(entry.fullSeq, event.seq),
  };
}

/** Take a whole view (snapshot, answer) or the summary of a list. */
export function takeView(
  entry: JobEntry,
  view: JobView,
  { isFull }: { isFull: boolean },
): JobEntry {
  const isNewer = view.seq > entry.viewSeq || (isFull && view.seq === entry.viewSeq);
  const isFuller = isFull && view.seq >= entry.fullSeq;
  if (!isNewer && !isFuller) return entry;
  const shown = asJob(view);
  const before = entry.job;
  const light = isNewer || before === undefined ? shown : before;
  const heavy = isFuller || before === undefined ? shown : before;
  const viewSeq = Math.max(entry.viewSeq, view.seq);
  const job = joined(light, heavy);
  // In a new epoch there is nothing older to hold on to.
  const isFirst = before === undefined || entry.viewSeq < 0;
  return {
    ...entry,
    job: isFirst ? job : settle(before, job, viewSeq),
    viewSeq,
    fullSeq: isFuller ? view.seq : entry.fullSeq,
  };
}

/** Add lines and chunks from before the first snapshot. */
export function takeHistory(entry: JobEntry, events: readonly JobEvent[]): JobEntry {
  // Line by line, each would copy all before it.
  const lines = events.filter((event) => event.type === 'log');
  const past = events.filter((event) => event.type !== 'log').reduce(remember, emptyEntry(''));
  const streams = { ...entry.streams };
  for (const [name, parts] of Object.entries(past.streams)) {
    streams[name] = latestAttempt(merged(parts, streams[name] ?? [])).slice(-PARTS_MAX);
  }
  const logs = merged(lines, entry.logs).slice(-LOGS_MAX);
  const steps = merged(past.steps, entry.steps).slice(-STEPS_MAX);
  return { ...entry, logs, steps, streams, hasHistory: true };
}

function remember(entry: JobEntry, event: JobEvent): JobEntry {
  if (event.type === 'log') {
    return { ...entry, logs: [...entry.logs, event].slice(-LOGS_MAX) };
  }
  if (event.type === 'state' || event.type === 'phase') {
    return { ...entry, steps: [...entry.steps, event].slice(-STEPS_MAX) };
  }
  if (event.type === 'data') {
    const parts = latestAttempt([...(entry.streams[event.name] ?? []), part(event)]);
    return {
      ...entry,
      streams: { ...entry.streams, [event.name]: parts.slice(-PARTS_MAX) },
    };
  }
  return entry;
}

function part({ seq, attempt, chunk }: Emitted): Part {
  return { seq, attempt, chunk };
}

// A task that is tried again says everything again.
function latestAttempt(parts: readonly Part[]): readonly Part[] {
  const attempt = parts.at(-1)?.attempt;
  return parts[0]?.attempt === attempt ? parts : parts.filter((one) => one.attempt === attempt);
}

function merged<T extends { seq: number }>(older: readonly T[], newer: readonly T[]): T[] {
  const known = new Set(newer.map((one) => one.seq));
  return [...older.filter((one) => !known.has(one.seq)), ...newer].sort((a, b) => a.seq - b.seq);
}

function apply(job: Job, event: JobEvent): Job {
  switch (event.type) {
    case 'state':
      return { ...applyState(job, event), attempt: event.attempt };
    case 'progress':
      return { ...job, attempt: event.attempt, progress: event.progress };
    case 'error':
      return { ...job, error: event.error };
    case 'child': {
      const { total, completed, failed, percent = null } = event;
      return { ...job, children: { total, completed, failed, percent } };
    }
    case 'phase':
      return { ...job, phases: applyPhase(job.phases ?? [], event) };
    case 'result': {
      const { result, result_url, is_partial } = event;
      return defined<Job>({ ...job, result, result_url, result_is_partial: is_partial });
    }
    case 'meta':
      return { ...job, meta: event.meta };
    case 'log':
    case 'data':
      return job;
    default:
      return ignored(event, job);
  }
}

function applyState(job: Job, event: StateChanged): Job {
  const { to, ts, not_before } = event;
  const moved = { ...job, state: to };
  switch (to) {
    case 'scheduled':
      return moved;
    case 'queued':
      return defined<Job>({ ...moved, queued_at: ts, not_before: undefined });
    case 'running':
      return { ...moved, started_at: job.started_at ?? ts };
    case 'retrying':
      return defined<Job>({ ...moved, not_before });
    case 'completed':
    case 'failed':
      return { ...moved, ended_at: ts };
    case 'cancelled':
      return { ...moved, ended_at: ts, cancel_requested: true, error: ended(to, 'was cancelled') };
    case 'expired':
      return { ...moved, ended_at: ts, error: ended(to, 'did not end before its deadline') };
    default:
      return ignored(to, moved);
  }
}

// The same words as in the record, which the event does not repeat.
function ended(code: string, what: string): JobError {
  return { kind: code, code, message: `The job ${what}.`, retryable: false, traceback: null };
}

function applyPhase(phases: readonly JobPhase[], event: PhaseChanged): JobPhase[] {
  const { id, label, ts } = event;
  const state = event.state as JobPhase['state'];
  const known = phases.some((phase) => phase.id === id)
    ? phases
    : [...phases, { id, label, weight: 0, state: 'pending' as const }];
  return known.map((phase) => {
    if (phase.id !== id) return phase;
    if (state === 'running') return { ...phase, label, state, started_at: ts };
    return { ...phase, state, ended_at: ts };
  });
}

// Nothing leaves a terminal state, and no bar goes back.
function settle(before: Job, after: Job, seq: number): Job {
  if (isTerminal(before.state) && after.state !== before.state) return before;
  return { ...after, seq, progress: raised(before.progress, after.progress) };
}

function raised(before: Progress, after: Progress): Progress {
  const shown = before.percent;
  if (shown === null || (after.percent !== null && after.percent >= shown)) return after;
  return { ...after, percent: shown };
}

function joined(light: Job, heavy: Job): Job {
  const { phases, result, result_url, result_is_partial, meta } = heavy;
  return defined<Job>({ ...light, phases, result, result_url, result_is_partial, meta });
}

// On the wire a field without a value is left out, and so it is here.
function defined<T extends object>(fields: { [Name in keyof T]: T[Name] | undefined }): T {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as T;
}

// A newer server may tell more than we know; the compiler still sees that all we know is handled.
function ignored<T>(_: never, otherwise: T): T {
  return otherwise;
}
