import { type Bus, hoursOf, type Item, minutesOf } from './model.ts';
import css from './Routes.module.css';
import { useTexts } from './texts.ts';

const WIDTH = 900;
const NAMES = 40;
const ROW = 14;
const BAR = 9;

/** A row for each bus: services, and before them the empty run. */
export function Gantt({ buses }: { buses: readonly Bus[] }) {
  const { t } = useTexts();
  const { from, to } = hoursOf(buses);
  const x = (minutes: number): number =>
    NAMES + ((WIDTH - NAMES) * (minutes - 60 * from)) / (60 * Math.max(to - from, 1));
  const height = ROW * (buses.length + 1);
  const hours = Array.from({ length: to - from + 1 }, (_, number) => from + number);
  const routes = buses.reduce((sum, bus) => sum + bus.items.length, 0);
  return (
    <section>
      <h2>{t('gantt.title')}</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section className={css.scroll} tabIndex={0} aria-label={t('gantt.title')}>
        <svg
          viewBox={`0 0 ${WIDTH} ${height}`}
          className={css.gantt}
          role="img"
          aria-label={t('gantt.text', { buses: buses.length, routes })}
        >
          {hours.map((hour) => (
            <g key={hour}>
              <line className={css.hour} x1={x(60 * hour)} x2={x(60 * hour)} y1={0} y2={height} />
              <text className={css.label} x={x(60 * hour) + 2} y={BAR}>
                {hour}:00
              </text>
            </g>
          ))}
          {buses.map((bus, number) => (
            <Row key={bus.bus_id} bus={bus} y={ROW * (number + 1)} x={x} />
          ))}
        </svg>
      </section>
      <details>
        <summary>{t('gantt.table')}</summary>
        <Table buses={buses} />
      </details>
    </section>
  );
}

function Row({ bus, y, x }: { bus: Bus; y: number; x: (minutes: number) => number }) {
  return (
    <>
      <text className={css.label} x={2} y={y + BAR}>
        {bus.bus_id}
      </text>
      {bus.items.map((item) => {
        const start = minutesOf(item.start_time);
        const left = x(start - item.deadhead_minutes);
        return (
          <g key={item.route_id}>
            <title>{titleOf(item)}</title>
            <rect
              className={css.empty}
              x={left}
              y={y + BAR / 3}
              width={x(start) - left}
              height={BAR / 3}
            />
            <rect
              className={css[item.type]}
              x={x(start)}
              y={y}
              width={x(minutesOf(item.end_time)) - x(start)}
              height={BAR}
              rx={2}
            />
          </g>
        );
      })}
    </>
  );
}

function Table({ buses }: { buses: readonly Bus[] }) {
  const { t } = useTexts();
  return (
    <table>
      <thead>
        <tr>
          {(['bus', 'route', 'time', 'empty', 'shift'] as const).map((name) => (
            <th key={name} scope="col">
              {t(`table.${name}`)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {buses.flatMap((bus) =>
          bus.items.map((item) => (
            <tr key={item.route_id}>
              <td>{bus.bus_id}</td>
              <td>{item.route_id}</td>
              <td>{timesOf(item)}</td>
              <td>{item.deadhead_minutes}</td>
              <td>{item.time_shift_minutes}</td>
            </tr>
          )),
        )}
      </tbody>
    </table>
  );
}

const timesOf = (item: Item): string =>
  `${item.start_time.slice(0, 5)}–${item.end_time.slice(0, 5)}`;

const titleOf = (item: Item): string => `${item.route_id} ${timesOf(item)}`;
