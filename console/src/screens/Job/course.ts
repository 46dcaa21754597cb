import type { JobState, Step } from '@avance/client';

export interface Span {
  id: string;
  label: string;
  fromMs: number;
  /** The last known moment while it goes on. */
  toMs: number;
}

export interface Attempt {
  n: number;
  fromMs: number;
  toMs: number;
  /** How it ended; running while it has not. */
  end: JobState;
  phases: readonly Span[];
}

/** The attempts of a job with the phases of each, from what was told of it. */
export function attemptsOf(steps: readonly Step[], nowMs: number): Attempt[] {
  const attempts: (Attempt & { phases: Span[] })[] = [];
  const open = new Set<Span>();
  const close = (span: Span, at: number): void => {
    span.toMs = at;
    open.delete(span);
  };
  for (const step of steps) {
    const at = Date.parse(step.ts);
    const last = attempts.at(-1);
    if (step.type === 'state') {
      if (step.to === 'running') {
        const { attempt: n } = step;
        attempts.push({ n, fromMs: at, toMs: nowMs, end: 'running', phases: [] });
      } else if (last?.end === 'running') {
        last.toMs = at;
        last.end = step.to;
        for (const span of [...open]) close(span, at);
      }
    } else if (step.state === 'running' && last) {
      const span = { id: step.id, label: step.label, fromMs: at, toMs: nowMs };
      last.phases.push(span);
      open.add(span);
    } else {
      const span = last?.phases.findLast(({ id }) => id === step.id);
      if (span && open.has(span)) close(span, at);
    }
  }
  return attempts;
}
