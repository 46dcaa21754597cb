import type { Job } from '@avance/client';
import { memo, useCallback, useDeferredValue, useRef } from 'react';
import { Link } from 'wouter';
import { useI18n } from '../../i18n/I18n.tsx';
import { nameOf } from '../../lib/job.ts';
import { useKeys } from '../../lib/useKeys.ts';
import { Elapsed } from '../../widgets/Elapsed.tsx';
import { JobBar } from '../../widgets/JobBar.tsx';
import { Moment } from '../../widgets/Moment.tsx';
import { StateMark } from '../../widgets/StateMark.tsx';
import css from './JobTable.module.css';
import { Rows, WHOLE_MAX } from './Rows.tsx';

/** As many as a large screen shows: drawn at once, and the others right after them. */
const FIRST_ROWS = 20;

export interface Selection {
  ids: ReadonlySet<string>;
  /** Select or not; must stay the same function. */
  toggle: (ids: readonly string[], isOn: boolean) => void;
}

export interface JobTableProps {
  jobs: readonly Job[];
  selection?: Selection;
}

export function JobTable({ jobs, selection }: JobTableProps) {
  const { t } = useI18n();
  const table = useRef<HTMLTableElement>(null);
  const move = (step: number): void => {
    const links = [...(table.current?.querySelectorAll('a') ?? [])];
    const here = links.indexOf(document.activeElement as HTMLAnchorElement);
    links[Math.min(Math.max(here + step, 0), links.length - 1)]?.focus();
  };
  const pick = (): void => {
    const row = document.activeElement?.closest('tr');
    row?.querySelector<HTMLInputElement>('input[type=checkbox]')?.click();
  };
  useKeys({ j: () => move(1), k: () => move(-1), ...(selection && { x: pick }) });
  const toggle = selection?.toggle;
  const onSelect = useCallback((id: string, isOn: boolean): void => toggle?.([id], isOn), [toggle]);
  const drawn = useDeferredValue(Number.POSITIVE_INFINITY, FIRST_ROWS);
  const isAll = jobs.every(({ id }) => selection?.ids.has(id));
  return (
    <div className={css.frame}>
      <table ref={table} aria-rowcount={jobs.length > WHOLE_MAX ? jobs.length + 1 : undefined}>
        <thead>
          <tr>
            {selection && (
              <th scope="col">
                <input
                  type="checkbox"
                  aria-label={t('jobs.selectAll')}
                  title={t('jobs.selectAll')}
                  checked={isAll}
                  onChange={(event) =>
                    selection.toggle(
                      jobs.map(({ id }) => id),
                      event.target.checked,
                    )
                  }
                />
              </th>
            )}
            <th scope="col">{t('jobs.state')}</th>
            <th scope="col">{t('jobs.job')}</th>
            <th scope="col">{t('jobs.progress')}</th>
            <th scope="col">{t('jobs.created')}</th>
            <th scope="col">{t('jobs.duration')}</th>
            <th scope="col">{t('jobs.attempt')}</th>
          </tr>
        </thead>
        <Rows
          jobs={drawn < jobs.length ? jobs.slice(0, drawn) : jobs}
          row={(job, position) => (
            <Row
              key={job.id}
              job={job}
              position={position}
              isSelected={selection?.ids.has(job.id)}
              onSelect={onSelect}
            />
          )}
        />
      </table>
    </div>
  );
}

interface RowProps {
  job: Job;
  position: number | undefined;
  /** Undefined where nothing can be selected. */
  isSelected: boolean | undefined;
  onSelect: (id: string, isOn: boolean) => void;
}

// A job keeps its identity until it changes, so a busy table draws only the rows that moved.
const Row = memo(function Row({ job, position, isSelected, onSelect }: RowProps) {
  const { t } = useI18n();
  return (
    <tr aria-selected={isSelected} aria-rowindex={position && position + 1}>
      {isSelected !== undefined && (
        <td>
          <input
            type="checkbox"
            aria-label={t('jobs.select', { title: nameOf(job) })}
            checked={isSelected}
            onChange={(event) => onSelect(job.id, event.target.checked)}
          />
        </td>
      )}
      <td>
        <StateMark state={job.state} />
      </td>
      <td className={css.name}>
        <Link href={`/jobs/${encodeURIComponent(job.id)}`}>{nameOf(job)}</Link>
        {job.title !== undefined && <span>{job.kind}</span>}
      </td>
      <td className={css.progress}>
        <JobBar job={job} isCompact />
      </td>
      <td>
        <Moment at={job.created_at} />
      </td>
      <td>
        <Elapsed job={job} />
      </td>
      <td>
        {job.attempt}/{job.max_attempts}
      </td>
    </tr>
  );
});
