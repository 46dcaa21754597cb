import { useId, useState } from 'react';
import { type Bus, type Projection, projection, type RouteStop } from './model.ts';
import css from './Routes.module.css';
import { useTexts } from './texts.ts';

const SIDE = 600;
const MARGIN = 20;

/** Where the buses drive, without tiles from anywhere. */
export function RouteMap({ buses }: { buses: readonly Bus[] }) {
  const { t } = useTexts();
  const id = useId();
  const [chosen, setChosen] = useState('');
  const shown = buses.filter((bus) => chosen === '' || bus.bus_id === chosen);
  const all = buses.flatMap((bus) => bus.items.flatMap((item) => item.stops));
  if (all.length === 0) return null;
  const places = projection(all, SIDE);
  return (
    <section>
      <h2>{t('map.title')}</h2>
      <p className={css.row}>
        <label htmlFor={id}>{t('table.bus')}</label>
        <select id={id} value={chosen} onChange={(event) => setChosen(event.target.value)}>
          <option value="">{t('map.all')}</option>
          {buses.map(({ bus_id }) => (
            <option key={bus_id}>{bus_id}</option>
          ))}
        </select>
      </p>
      <svg
        viewBox={`${-MARGIN} ${-MARGIN} ${SIDE + 2 * MARGIN} ${SIDE + 2 * MARGIN}`}
        className={css.map}
        role="img"
        aria-label={t('map.text', { bus: chosen || t('map.all') })}
      >
        {shown.map((bus) => (
          <Lines key={bus.bus_id} bus={bus} places={places} withRuns={chosen !== ''} />
        ))}
      </svg>
    </section>
  );
}

interface LinesProps {
  bus: Bus;
  places: Projection;
  withRuns: boolean;
}

function Lines({ bus, places, withRuns }: LinesProps) {
  const path = (stops: readonly (RouteStop | undefined)[]): string =>
    stops
      .filter((stop) => stop !== undefined)
      .map((stop) => `${places.x(stop)},${places.y(stop)}`)
      .join(' ');
  return (
    <>
      {bus.items.map((item, number) => (
        <g key={item.route_id}>
          <title>{`${bus.bus_id} ${item.route_id}`}</title>
          {withRuns && number > 0 && (
            <polyline
              className={css.run}
              points={path([bus.items[number - 1]?.stops.at(-1), item.stops[0]])}
            />
          )}
          <polyline className={css.line} points={path(item.stops)} />
        </g>
      ))}
    </>
  );
}
