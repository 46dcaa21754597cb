import { isTerminal, type Job } from '@avance/client';

export function nameOf(job: Job): string {
  return job.title ?? job.kind;
}

/** What the bar shows: full when completed, and standing where it was when it ended otherwise. */
export function shownPercent(job: Job): number | null {
  if (job.state === 'completed') return 100;
  return isTerminal(job.state) ? (job.progress.percent ?? 0) : job.progress.percent;
}

/** How long it has run until `now`, or ran; undefined before it began. */
export function durationMs(job: Job, now: number): number | undefined {
  if (job.started_at === undefined) return undefined;
  const end = job.ended_at === undefined ? now : Date.parse(job.ended_at);
  return Math.max(end - Date.parse(job.started_at), 0);
}
