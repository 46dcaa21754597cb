import { isTerminal, type Job } from '@avance/client';
import { formatTime } from '../i18n/format.ts';
import { useI18n } from '../i18n/I18n.tsx';
import { useAsOf } from '../lib/AsOf.tsx';
import { nameOf, shownPercent } from '../lib/job.ts';
import { progressWords } from '../lib/progressWords.ts';
import css from './JobBar.module.css';

export interface JobBarProps {
  job: Job;
  /** Only the bar and its percent. */
  isCompact?: boolean;
}

/** The bar of a job. It is no live region, which would speak at every step. */
export function JobBar({ job, isCompact = false }: JobBarProps) {
  const { t, locale } = useI18n();
  const asOf = useAsOf();
  const percent = shownPercent(job);
  const isOver = isTerminal(job.state);
  const isStale = !isOver && asOf !== undefined;
  const words = progressWords(job, t, locale);
  if (isStale) {
    const time = formatTime(new Date(asOf).toISOString(), locale, Date.now());
    words.push(t('progress.asOf', { time }));
  }
  return (
    <div className={css.box} data-compact={isCompact || undefined}>
      <div
        className={css.bar}
        role="progressbar"
        aria-label={nameOf(job)}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent === null ? undefined : Math.floor(percent)}
        aria-valuetext={[t(`state.${job.state}`), ...words].join(', ')}
        data-state={job.state}
        data-stale={isStale || undefined}
      >
        {(percent !== null || job.state === 'running') && (
          <div style={percent === null ? undefined : { width: `${percent}%` }} />
        )}
      </div>
      {words.length > 0 && <p className={css.words}>{words.join(' · ')}</p>}
    </div>
  );
}
