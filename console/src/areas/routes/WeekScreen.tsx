import { useJob } from '@avance/react';
import { useCallback, useState } from 'react';
import { Link } from 'wouter';
import { useAct } from '../../lib/useAct.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { JobBar } from '../../widgets/JobBar.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { StateMark } from '../../widgets/StateMark.tsx';
import { AreaHead } from '../AreaHead.tsx';
import type { ScreenProps } from '../registry.ts';
import { DAYS, type Day } from './model.ts';
import css from './Routes.module.css';
import { useTexts } from './texts.ts';
import { useWeekDays } from './useWeek.ts';
import { WeekRow } from './WeekRow.tsx';

/** The days of a week, each planned by a job of its own below one. */
export function WeekScreen({ params: { id = '' } }: ScreenProps) {
  return <Followed key={id} id={id} />;
}

function Followed({ id }: { id: string }) {
  const { t } = useTexts();
  const { job, error: failure, isDone, isCancelled, cancel } = useJob(id);
  const error = isCancelled ? undefined : failure;
  const { days, error: unread } = useWeekDays(id, job);
  const act = useAct();
  const [buses, setBuses] = useState<Partial<Record<Day, number>>>({});
  const tell = useCallback(
    (day: Day, n: number) => setBuses((before) => ({ ...before, [day]: n })),
    [],
  );
  const known = Object.values(buses);
  const named = job && { ...job, title: titleOf(job.title, (day) => t(`day.${day}`)) };
  return (
    <>
      <AreaHead area="routes" title={t('week')}>
        <Link href="/routes">{t('back')}</Link>
      </AreaHead>
      <div className={css.plan}>
        {named === undefined && error === undefined && <Skeleton rows={3} />}
        {named !== undefined && (
          <section className={css.home}>
            <p className={css.row}>
              <StateMark state={named.state} />
              {!isDone && (
                <button
                  type="button"
                  disabled={act.isBusy}
                  onClick={() =>
                    void act.act(async () => {
                      await cancel();
                      return t('week.cancelled');
                    })
                  }
                >
                  {t('week.cancel')}
                </button>
              )}
            </p>
            <JobBar job={named} />
          </section>
        )}
        {act.error && <ErrorNotice title={t('cancel.failed')} error={act.error} />}
        {error && <ErrorNotice title={t('week')} error={error} />}
        {!error && unread && !days && <ErrorNotice title={t('week.unknown')} error={unread} />}
        {days && (
          <table className={css.week}>
            <caption className="visually-hidden">{t('week.table')}</caption>
            <thead>
              <tr>
                {(['week.day', 'week.state', 'week.progress', 'buses', 'week.plan'] as const).map(
                  (name) => (
                    <th key={name} scope="col">
                      {t(name)}
                    </th>
                  ),
                )}
              </tr>
            </thead>
            <tbody>
              {days.map((one) => (
                <WeekRow key={one.day} {...one} onBuses={tell} />
              ))}
            </tbody>
          </table>
        )}
        {known.length > 0 && <p role="status">{t('week.most', { n: Math.max(...known) })}</p>}
      </div>
    </>
  );
}

/** "Lunes, Martes" of a job that is called "L, M". */
function titleOf(title: string | undefined, nameOf: (day: Day) => string): string {
  const codes = DAYS.filter((day) => title?.split(', ').includes(day));
  return codes.length > 0 ? codes.map(nameOf).join(', ') : (title ?? '');
}
