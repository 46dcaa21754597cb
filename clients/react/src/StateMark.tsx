import { assertNever, type JobState } from '@avance/client';
import type { ReactNode } from 'react';
import type { Say } from './text.ts';

export interface StateMarkProps {
  state: JobState;
  say: Say;
}

/** A state as sign, word and colour, so that none of them has to be enough. */
export function StateMark({ state, say }: StateMarkProps): ReactNode {
  return (
    <span className="avance-state" data-state={state}>
      <span aria-hidden="true">{signOf(state)}</span> {say(state)}
    </span>
  );
}

function signOf(state: JobState): string {
  switch (state) {
    case 'scheduled':
      return '◷';
    case 'queued':
      return '…';
    case 'running':
      return '▶';
    case 'retrying':
      return '↻';
    case 'completed':
      return '✓';
    case 'failed':
      return '✕';
    case 'cancelled':
      return '⊘';
    case 'expired':
      return '⌛';
    default:
      return assertNever(state);
  }
}
