import { AvanceError } from '@avance/client';
import { type FormEvent, useId, useState } from 'react';
import { useApi } from '../../lib/useApi.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { depotName } from './depots.ts';
import { type Bus, hourly } from './model.ts';
import css from './Routes.module.css';
import { useTexts } from './texts.ts';

interface Explanation {
  text: string;
  routes: readonly string[];
  values: { bus?: string };
}

/** Why this bus, why not that one, why not one fewer. */
export function Why({ id: job, buses }: { id: string; buses: readonly Bus[] }) {
  const { t, locale } = useTexts();
  const api = useApi();
  const id = useId();
  const [route, setRoute] = useState('');
  const [bus, setBus] = useState('');
  const [told, setTold] = useState<Explanation>();
  const [error, setError] = useState<AvanceError>();
  const ask = async (): Promise<void> => {
    setError(undefined);
    const query = { lang: locale, ...(route && { route }), ...(route && bus && { bus }) };
    try {
      setTold(await api.get<Explanation>(`/jobs/${job}/explain`, query));
    } catch (thrown) {
      if (!(thrown instanceof AvanceError)) throw thrown;
      setError(thrown);
    }
  };
  return (
    <section>
      <h2>{t('why.title')}</h2>
      <form
        className={css.row}
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          void ask();
        }}
      >
        <label htmlFor={`${id}-route`}>{t('why.route')}</label>
        <input
          id={`${id}-route`}
          value={route}
          list={`${id}-routes`}
          onChange={(event) => setRoute(event.target.value)}
        />
        <datalist id={`${id}-routes`}>
          {buses.flatMap((one) =>
            one.items.map(({ route_id }) => <option key={route_id} value={route_id} />),
          )}
        </datalist>
        <label htmlFor={`${id}-bus`}>{t('why.bus')}</label>
        <select id={`${id}-bus`} value={bus} onChange={(event) => setBus(event.target.value)}>
          <option value="">{t('why.noBus')}</option>
          {buses.map(({ bus_id }) => (
            <option key={bus_id}>{bus_id}</option>
          ))}
        </select>
        <button type="submit">{t('why.ask')}</button>
      </form>
      {error && <ErrorNotice title={t('why.failed')} error={error} />}
      <div role="status">
        {told && !error && (
          <>
            <p>{told.text}</p>
            {told.routes.length > 0 && <p>{told.routes.join(', ')}</p>}
            <AtDepot bus={buses.find(({ bus_id }) => bus_id === told.values.bus)} />
          </>
        )}
      </div>
    </section>
  );
}

/** What the words of the server call "its depot". */
function AtDepot({ bus }: { bus: Bus | undefined }) {
  const { t } = useTexts();
  if (!bus?.depot || !bus.leaves_depot || !bus.back_at_depot) return null;
  const [leaves, back] = [hourly(bus.leaves_depot), hourly(bus.back_at_depot)];
  return <p>{t('depot.of', { bus: bus.bus_id, depot: depotName(bus.depot), leaves, back })}</p>;
}
