import type { JobPhase } from '@avance/client';
import { formatDuration } from '../../i18n/format.ts';
import { useI18n } from '../../i18n/I18n.tsx';
import css from './Phases.module.css';

const SIGNS: Record<JobPhase['state'], string> = {
  pending: '',
  running: '•',
  done: '✓',
  skipped: '–',
};

export function Phases({ phases }: { phases: readonly JobPhase[] }) {
  const { t } = useI18n();
  return (
    <section>
      <h2>{t('job.phases')}</h2>
      <ol className={css.steps}>
        {phases.map((phase) => (
          <li
            key={phase.id}
            data-state={phase.state}
            aria-current={phase.state === 'running' ? 'step' : undefined}
          >
            <span className={css.sign} aria-hidden="true">
              {SIGNS[phase.state]}
            </span>
            <span className={css.label}>{phase.label}</span>
            <span className={css.state}>
              {t(`phase.${phase.state}`)} <Time phase={phase} />
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Time({ phase: { started_at, ended_at } }: { phase: JobPhase }) {
  const { locale } = useI18n();
  if (started_at === undefined || ended_at === undefined) return null;
  return `· ${formatDuration(Date.parse(ended_at) - Date.parse(started_at), locale)}`;
}
