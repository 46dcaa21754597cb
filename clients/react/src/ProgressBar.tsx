import type { ReactNode } from 'react';

export interface ProgressBarProps {
  /** null moves without an end. */
  percent: number | null;
  label: string;
  text: string;
}

/** A bar for eyes and for screen readers; it is no live region, which would speak at every step. */
export function ProgressBar({ percent, label, text }: ProgressBarProps): ReactNode {
  const width = percent === null ? undefined : { width: `${percent}%` };
  return (
    <div
      className="avance-bar"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent === null ? undefined : Math.floor(percent)}
      aria-valuetext={text}
    >
      <div className="avance-bar-fill" style={width} />
    </div>
  );
}
