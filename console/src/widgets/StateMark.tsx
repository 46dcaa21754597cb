import type { JobState } from '@avance/client';
import { useI18n } from '../i18n/I18n.tsx';
import css from './StateMark.module.css';

/** Drawn in a square of 16, so that no font has to know the sign. */
const SIGNS: Record<JobState, string> = {
  scheduled: 'M8 4v4l3 2M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0',
  queued: 'M3 5h10M3 8h10M3 11h6',
  running: 'M5 3.5v9l7-4.5z',
  retrying: 'M13 8a5 5 0 1 1-1.5-3.5M13 2v3h-3',
  completed: 'M3 8.5l3.5 3.5L13 4.5',
  failed: 'M4 4l8 8M12 4l-8 8',
  cancelled: 'M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0M4 12l8-8',
  expired: 'M5 2h6M5 14h6M5.5 2c0 6 5 6 5 12M10.5 2c0 6-5 6-5 12',
};

/** A state as sign, word and colour, so that none of them has to be enough. */
export function StateMark({ state }: { state: JobState }) {
  const { t } = useI18n();
  return (
    <span className={css.mark} data-state={state} title={t(`stateHint.${state}`)}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={SIGNS[state]} />
      </svg>
      {t(`state.${state}`)}
    </span>
  );
}
