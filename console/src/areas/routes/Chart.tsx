import type { Best } from './model.ts';
import css from './Routes.module.css';
import { useTexts } from './texts.ts';

const WIDTH = 600;
const HEIGHT = 120;
const EDGE = 8;

export interface Moment extends Best {
  /** Seconds since the job began. */
  s: number;
}

/** Buses found and buses proven to be needed, over time. */
export function Chart({ moments }: { moments: readonly Moment[] }) {
  const { t } = useTexts();
  const last = moments.at(-1);
  if (last === undefined) return null;
  const most = Math.max(...moments.map((one) => one.buses));
  const least = Math.min(...moments.map((one) => one.bound));
  const x = (s: number): number => EDGE + ((WIDTH - 2 * EDGE) * s) / Math.max(last.s, 1);
  const y = (n: number): number =>
    EDGE + ((HEIGHT - 2 * EDGE) * (most - n)) / Math.max(most - least, 1);
  const steps = (value: (one: Moment) => number): string =>
    moments
      .map((one, number) => `${number === 0 ? 'M' : `H${x(one.s)} V`}${point(one, number, value)}`)
      .join(' ')
      .concat(` H${WIDTH - EDGE}`);
  const point = (one: Moment, number: number, value: (one: Moment) => number): string =>
    number === 0 ? `${x(one.s)} ${y(value(one))}` : `${y(value(one))}`;
  const text = t('chart.text', { buses: last.buses, bound: last.bound, s: Math.round(last.s) });
  return (
    <figure>
      <figcaption>
        {t('chart.title')}: {text}
      </figcaption>
      {/* One plan has no course. */}
      {moments.length > 1 && (
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className={css.chart} role="img" aria-label={text}>
          <path className={css.best} d={steps((one) => one.buses)} />
          <path className={css.bound} d={steps((one) => one.bound)} />
        </svg>
      )}
    </figure>
  );
}
