import type { Job } from '@avance/client';
import { type ReactNode, useEffect, useRef, useState } from 'react';

/** A shorter table is drawn whole: it costs nothing, and the browser's own search finds everything. */
export const WHOLE_MAX = 100;
const PART = 25;
/** Until a part has been drawn, a row is taken to be this high. */
const ROW_PX = 50;
/** Drawn before it comes into view. */
const AHEAD = '800px 0px';
const COLUMNS_MAX = 10;

export interface RowsProps {
  jobs: readonly Job[];
  /** The row of a job; `position` counts from 1, and is given where not all rows are in the page. */
  row: (job: Job, position: number | undefined) => ReactNode;
}

/** The rows of a table, of which those far from the view are held open as empty space. */
export function Rows({ jobs, row }: RowsProps) {
  if (jobs.length <= WHOLE_MAX) return <tbody>{jobs.map((job) => row(job, undefined))}</tbody>;
  const parts = Array.from({ length: Math.ceil(jobs.length / PART) }, (_, n) => n * PART);
  return parts.map((from) => (
    <Part key={from} count={Math.min(PART, jobs.length - from)}>
      {() => jobs.slice(from, from + PART).map((job, n) => row(job, from + n + 1))}
    </Part>
  ));
}

function Part({ count, children }: { count: number; children: () => ReactNode }) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [isNear, setNear] = useState(false);
  const height = useRef(count * ROW_PX);
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => {
        const last = entries.at(-1);
        // Whoever stands in a row with the keyboard does not lose it.
        if (!last || (!last.isIntersecting && last.target.contains(document.activeElement))) return;
        if (!last.isIntersecting) height.current = last.boundingClientRect.height;
        setNear(last.isIntersecting);
      },
      { rootMargin: AHEAD },
    );
    if (body.current) observer.observe(body.current);
    return () => observer.disconnect();
  }, []);
  return (
    <tbody ref={body}>
      {isNear ? (
        children()
      ) : (
        // biome-ignore lint/a11y/noAriaHiddenOnFocusable: it is space, and nobody can stand on it
        <tr aria-hidden="true" data-empty style={{ height: height.current }}>
          <td colSpan={COLUMNS_MAX} />
        </tr>
      )}
    </tbody>
  );
}
