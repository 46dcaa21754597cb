import { isTerminal, type Job } from '@avance/client';
import { useJobSteps } from '@avance/react';
import { formatDuration } from '../../i18n/format.ts';
import { useNow } from '../../lib/useNow.ts';
import { StateMark } from '../../widgets/StateMark.tsx';
import { type Attempt, attemptsOf } from './course.ts';
import css from './Timeline.module.css';
import { useTexts } from './timelineTexts.ts';

const PERCENT = 100;

/** When each attempt ran and each of its phases, on one scale from the submit to the end. */
export function Timeline({ job }: { job: Job }) {
  const { t } = useTexts();
  const { steps } = useJobSteps(job.id);
  const now = useNow(!isTerminal(job.state));
  const endMs = job.ended_at === undefined ? now : Date.parse(job.ended_at);
  const attempts = attemptsOf(steps, endMs);
  const fromMs = Date.parse(job.created_at);
  if (attempts.length === 0) return <p>{t('none')}</p>;
  return (
    <ol className={css.attempts} data-testid="timeline">
      {attempts.map((attempt, place) => (
        <Row
          key={attempt.fromMs}
          attempt={attempt}
          sinceMs={attempts[place - 1]?.toMs ?? fromMs}
          scale={{ fromMs, spanMs: Math.max(endMs - fromMs, 1) }}
        />
      ))}
    </ol>
  );
}

interface Scale {
  fromMs: number;
  spanMs: number;
}

interface RowProps {
  attempt: Attempt;
  /** It waited from then on. */
  sinceMs: number;
  scale: Scale;
}

function Row({ attempt: { n, fromMs, toMs, end, phases }, sinceMs, scale }: RowProps) {
  const { t, locale } = useTexts();
  const time = (from: number, to: number): string => formatDuration(to - from, locale);
  return (
    <li>
      <p className={css.head}>
        <strong>{t('attempt', { n })}</strong> <StateMark state={end} />
        <span>{time(fromMs, toMs)}</span>
        <span>{t('waited', { time: time(sinceMs, fromMs) })}</span>
      </p>
      <div className={css.track} aria-hidden="true">
        <span className={css.waited} style={place(scale, sinceMs, fromMs)} />
        <span className={css.ran} data-state={end} style={place(scale, fromMs, toMs)} />
        {phases.map((one) => (
          <span
            key={`${one.id} ${one.fromMs}`}
            className={css.phase}
            style={place(scale, one.fromMs, one.toMs)}
          />
        ))}
      </div>
      {phases.length > 0 && (
        <p className={css.phases}>
          {phases.map((one) => (
            <span key={`${one.id} ${one.fromMs}`}>
              {t('took', { name: one.label, time: time(one.fromMs, one.toMs) })}
            </span>
          ))}
        </p>
      )}
    </li>
  );
}

function place({ fromMs, spanMs }: Scale, from: number, to: number) {
  return {
    left: `${(PERCENT * (from - fromMs)) / spanMs}%`,
    width: `${(PERCENT * Math.max(to - from, 0)) / spanMs}%`,
  };
}
