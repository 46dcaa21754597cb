import { useAvance } from '@avance/react';
import { type FormEvent, useCallback, useId } from 'react';
import { useLocation } from 'wouter';
import { useSession } from '../../app/SessionGate.tsx';
import { useRequest } from '../../lib/useRequest.ts';
import { MORE, type Wanted, writeQuery } from './filter.ts';
import css from './Jobs.module.css';
import { useTexts } from './moreTexts.ts';

/** By task, owner, tag and time. */
export function MoreFilters({ wanted }: { wanted: Wanted }) {
  const { t } = useTexts();
  const id = useId();
  const client = useAvance();
  const { me } = useSession();
  const [, navigate] = useLocation();
  // What fails here leaves a field in which one can write all the same.
  const { data } = useRequest(
    useCallback((signal: AbortSignal) => client.api.tasks({ signal }), [client]),
  );
  const apply = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const texts = MORE.map((name) => [name, String(given.get(name) ?? '').trim()]);
    navigate(writeQuery({ ...wanted, ...Object.fromEntries(texts) }));
  };
  const fields = MORE.filter((name) => name !== 'owner' || me.role === 'admin');
  return (
    <form className={css.more} onSubmit={apply}>
      {fields.map((name) => (
        <label key={name}>
          {t(name)}
          <input
            name={name}
            type={name === 'from' || name === 'to' ? 'datetime-local' : 'text'}
            defaultValue={wanted[name]}
            list={name === 'task' ? id : undefined}
          />
        </label>
      ))}
      <datalist id={id}>
        {data?.tasks.map((task) => (
          <option key={task.name} value={task.name} />
        ))}
      </datalist>
      <button type="submit">{t('apply')}</button>
    </form>
  );
}
