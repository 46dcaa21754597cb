import { useId, useState } from 'react';
import { type DepotUse, depotsOf } from './depots.ts';
import { type Bus, type Projection, projection, type RouteStop } from './model.ts';
import css from './Routes.module.css';
import { useTexts } from './texts.ts';

const SIDE = 600;
const MARGIN = 20;
const DEPOT = 12;

/** Where the buses drive, without tiles from anywhere. */
export function RouteMap({ buses }: { buses: readonly Bus[] }) {
  const { t } = useTexts();
  const id = useId();
  const [chosen, setChosen] = useState('');
  const shown = buses.filter((bus) => chosen === '' || bus.bus_id === chosen);
  const all = buses.flatMap((bus) => bus.items.flatMap((item) => item.stops));
  if (all.length === 0) return null;
  const depots = depotsOf(buses);
  const places = projection([...all, ...depots.map(({ depot }) => depot)], SIDE);
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
        {depots.map((one) => (
          <DepotMark key={`${one.name} ${one.buses[0]}`} use={one} places={places} />
        ))}
      </svg>
      {depots.length > 0 && (
        <>
          <h3>{t('depots.title')}</h3>
          <ul data-testid="depots">
            {depots.map(({ name, buses: its }) => (
              <li key={`${name} ${its[0]}`}>
                <strong>{name}</strong>: {t('depots.buses', { n: its.length })} ({its.join(', ')})
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function DepotMark({ use, places }: { use: DepotUse; places: Projection }) {
  const [x, y] = [places.x(use.depot), places.y(use.depot)];
  // The name stands on the side that is on the map.
  const isRight = x > SIDE / 2;
  return (
    <g>
      <title>{use.name}</title>
      <rect
        className={css.depot}
        x={x - DEPOT / 2}
        y={y - DEPOT / 2}
        width={DEPOT}
        height={DEPOT}
      />
      <text
        className={css.place}
        x={isRight ? x - DEPOT : x + DEPOT}
        y={y + DEPOT / 2}
        textAnchor={isRight ? 'end' : 'start'}
      >
        {use.name}
      </text>
    </g>
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
  const pulls = bus.depot && [
    [bus.depot, bus.items[0]?.stops[0]],
    [bus.items.at(-1)?.stops.at(-1), bus.depot],
  ];
  return (
    <>
      {withRuns &&
        pulls?.map((pull, number) => (
          <polyline
            key={number === 0 ? 'leaves' : 'returns'}
            className={css.run}
            points={path(pull)}
          />
        ))}
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
