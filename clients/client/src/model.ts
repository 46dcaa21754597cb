import type { JobState, JobView, Logged } from './wire.ts';

export interface JobPhase {
  id: string;
  label: string;
  weight: number;
  state: 'pending' | 'running' | 'done' | 'skipped';
  started_at?: string;
  ended_at?: string;
}

/** A job as it is shown, with the result type of its task. */
export interface Job<R = unknown> extends Omit<JobView, 'phases' | 'result'> {
  phases?: JobPhase[];
  result?: R;
}

/** The wire leaves phases open; the server writes them in this form. */
export function asJob<R = unknown>(view: JobView): Job<R> {
  return view as Omit<JobView, 'phases'> as Job<R>;
}

export type LogLine = Pick<Logged, 'seq' | 'ts' | 'attempt' | 'level' | 'message' | 'fields'>;

/** One chunk of a stream that the task named. */
export interface Part<T = unknown> {
  seq: number;
  attempt: number;
  chunk: T;
}

/** Names a job; `token` follows it where the page has no token of a user. */
export interface JobHandle {
  id: string;
  token?: string;
}

export function isTerminal(state: JobState): boolean {
  return (
    state === 'completed' || state === 'failed' || state === 'cancelled' || state === 'expired'
  );
}

/** Ends a `switch` over a union: a member that nobody handles does not compile. */
export function assertNever(value: never): never {
  throw new TypeError(`unexpected ${JSON.stringify(value)}`);
}
