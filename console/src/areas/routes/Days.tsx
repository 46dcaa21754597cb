import { codesOf, daysOf } from './days.ts';
import type { Day } from './model.ts';
import css from './Routes.module.css';
import { useTexts } from './texts.ts';

export interface DaysProps {
  routes: readonly unknown[];
  chosen: readonly Day[];
  onChosen: (days: readonly Day[]) => void;
}

/** Which of the days that the routes name are planned; nothing where they name none. */
export function Days({ routes, chosen, onChosen }: DaysProps) {
  const { t } = useTexts();
  const days = daysOf(routes);
  if (days.length === 0) return null;
  const without = routes.filter((route) => codesOf(route).length === 0).length;
  const toggle = (day: Day): void =>
    onChosen(days.map((one) => one.day).filter((one) => chosen.includes(one) !== (one === day)));
  return (
    <>
      <fieldset className={css.days}>
        <legend>{t('days.legend')}</legend>
        {days.map(({ day, n }) => (
          <label key={day}>
            <input type="checkbox" checked={chosen.includes(day)} onChange={() => toggle(day)} />{' '}
            {t('day.count', { day: t(`day.${day}`), n })}
          </label>
        ))}
      </fieldset>
      {chosen.length === 0 && <small>{t('days.none')}</small>}
      {chosen.length > 0 && without > 0 && <small>{t('days.without', { n: without })}</small>}
    </>
  );
}
