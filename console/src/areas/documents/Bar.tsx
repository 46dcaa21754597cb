import css from './FileRow.module.css';

/** One bar for the whole way of a file. It is no live region, which would speak at every step. */
export function Bar({ name, percent, words }: { name: string; percent: number; words: string }) {
  const whole = Math.floor(percent);
  return (
    <div
      className={css.bar}
      role="progressbar"
      aria-label={name}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={whole}
      aria-valuetext={`${whole} %, ${words}`}
    >
      <div style={{ width: `${percent}%` }} />
    </div>
  );
}
