import { AvanceError } from '@avance/client';
import { type FormEvent, useId, useState } from 'react';
import { useLocation } from 'wouter';
import { useApi } from '../../lib/useApi.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import type { Answer } from './model.ts';
import css from './Routes.module.css';
import { useTexts } from './texts.ts';

/** Change something and plan again, near to this plan. */
export function WhatIf({ id: job, answer }: { id: string; answer: Answer }) {
  const { t, locale } = useTexts();
  const api = useApi();
  const id = useId();
  const [, go] = useLocation();
  const [route, setRoute] = useState('');
  const [time, setTime] = useState('');
  const [isRemoved, setRemoved] = useState(false);
  const [error, setError] = useState<AvanceError>();
  const items = answer.result.schedule.flatMap((bus) => bus.items);
  const plan = async (body: object): Promise<void> => {
    setError(undefined);
    try {
      const { job_id } = await api.post<{ job_id: string }>(
        `/jobs/${job}/what-if?lang=${locale}`,
        body,
      );
      go(`/routes/plans/${job_id}`);
    } catch (thrown) {
      if (!(thrown instanceof AvanceError)) throw thrown;
      setError(thrown);
    }
  };
  const change = (): object => {
    const isEntry = items.find((item) => item.route_id === route)?.type === 'entry';
    const when = time && { [isEntry ? 'arrival_time' : 'departure_time']: time };
    return { changes: [{ route_id: route, is_removed: isRemoved, ...when }] };
  };
  const bells = answer.explanations.bell_times ?? [];
  return (
    <section>
      <h2>{t('whatIf.title')}</h2>
      <form
        className={css.row}
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          void plan(change());
        }}
      >
        <label htmlFor={`${id}-route`}>{t('why.route')}</label>
        <select id={`${id}-route`} value={route} onChange={(event) => setRoute(event.target.value)}>
          <option value="" />
          {items.map(({ route_id }) => (
            <option key={route_id}>{route_id}</option>
          ))}
        </select>
        <label htmlFor={`${id}-time`}>{t('whatIf.time')}</label>
        <input
          id={`${id}-time`}
          type="time"
          value={time}
          disabled={isRemoved}
          onChange={(event) => setTime(event.target.value)}
        />
        <label>
          <input
            type="checkbox"
            checked={isRemoved}
            onChange={(event) => setRemoved(event.target.checked)}
          />{' '}
          {t('whatIf.remove')}
        </label>
        <button type="submit" disabled={!route || !(time || isRemoved)}>
          {t('whatIf.go')}
        </button>
      </form>
      {error && <ErrorNotice title={t('whatIf.failed')} error={error} />}
      {bells.length > 0 && (
        <>
          <h3>{t('bells.title')}</h3>
          <ul>
            {bells.map(({ school_id, minutes, bound_before, bound_after }) => (
              <li key={`${school_id} ${minutes}`}>
                {t('bells.row', {
                  school: school_id,
                  minutes,
                  before: bound_before,
                  after: bound_after,
                })}{' '}
                <button
                  type="button"
                  onClick={() => void plan({ schools: { [school_id]: minutes }, mode: 'buses' })}
                >
                  {t('bells.try')}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}
