import type { Job } from '@avance/client';
import { type ReactNode, type RefObject, useLayoutEffect, useRef } from 'react';
import { useNear } from '../../lib/useNear.ts';

/** A shorter table is drawn whole: it costs nothing, and the browser's own search finds everything. */
export const WHOLE_MAX = 100;
const PART = 25;
/** Until a part has been drawn, a row is taken to be this high: the less it is wrong, the less moves under a pointer. */
const ROW_PX = 58;
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
  const rowPx = useRef(ROW_PX);
  if (jobs.length <= WHOLE_MAX) return <tbody>{jobs.map((job) => row(job, undefined))}</tbody>;
  const parts = Array.from({ length: Math.ceil(jobs.length / PART) }, (_, n) => n * PART);
  return parts.map((from) => (
    <Part key={from} count={Math.min(PART, jobs.length - from)} rowPx={rowPx}>
      {() => jobs.slice(from, from + PART).map((job, n) => row(job, from + n + 1))}
    </Part>
  ));
}

interface PartProps {
  count: number;
  /** How high the rows are that were drawn last. */
  rowPx: RefObject<number>;
  children: () => ReactNode;
}

function Part({ count, rowPx, children }: PartProps) {
  const { ref, isNear, height } = useNear<HTMLTableSectionElement>(count * rowPx.current, AHEAD);
  useLayoutEffect(() => {
    if (isNear && ref.current) rowPx.current = ref.current.offsetHeight / count;
  }, [isNear, ref, rowPx, count]);
  return (
    <tbody ref={ref}>
      {isNear ? (
        children()
      ) : (
        // biome-ignore lint/a11y/noAriaHiddenOnFocusable: it is space, and nobody can stand on it
        <tr aria-hidden="true" data-empty style={{ height }}>
          <td colSpan={COLUMNS_MAX} />
        </tr>
      )}
    </tbody>
  );
}
