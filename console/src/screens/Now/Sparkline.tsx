import css from './Now.module.css';
import { useTexts } from './texts.ts';

const WIDTH = 600;
const HEIGHT = 48;

/** What ended in each minute of an hour: a picture, and the same in words. */
export function Sparkline({
  completed,
  failed,
}: {
  completed: readonly number[];
  failed: readonly number[];
}) {
  const { t } = useTexts();
  const sums = completed.map((count, minute) => count + (failed[minute] ?? 0));
  const max = Math.max(...sums, 1);
  const step = WIDTH / completed.length;
  const bars = (counts: readonly number[], below: readonly number[]): string =>
    counts
      .map((count, minute) => {
        const bottom = HEIGHT - ((below[minute] ?? 0) / max) * HEIGHT;
        return count === 0
          ? ''
          : `M${minute * step} ${bottom}v${(-count / max) * HEIGHT}h${step - 1}V${bottom}z`;
      })
      .join('');
  const total = (counts: readonly number[]): number => counts.reduce((sum, one) => sum + one, 0);
  const words = t('throughputWords', {
    completed: total(completed),
    failed: total(failed),
    max: Math.max(...sums, 0),
  });
  return (
    <figure className={css.spark}>
      <figcaption>{t('throughput')}</figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={words}
      >
        <path d={bars(completed, [])} className={css.good} />
        <path d={bars(failed, completed)} className={css.bad} />
      </svg>
      <small>{words}</small>
    </figure>
  );
}
