import { hoursOf, type LiveBus, type LiveItem, minutesOf } from './model.ts';
import css from './Routes.module.css';
import { useTexts } from './texts.ts';

const WIDTH = 900;
const NAMES = 40;
const ROW = 14;
const BAR = 9;

export interface GanttProps {
  buses: readonly LiveBus[];
  /** While it is still searched for, a plan has no empty runs and no table. */
  isLive?: boolean;
}

/** A row for each bus: services, and before them the empty run. */
export function Gantt({ buses, isLive = false }: GanttProps) {
  const { t } = useTexts();
  const { from, to } = hoursOf(buses);
  const x = (minutes: number): number =>
    NAMES + ((WIDTH - NAMES) * (minutes - 60 * from)) / (60 * Math.max(to - from, 1));
  const height = ROW * (buses.length + 1);
  const hours = Array.from({ length: to - from + 1 }, (_, number) => from + number);
  const routes = buses.reduce((sum, bus) => sum + bus.items.length, 0);
  return (
    <section>
      <h2>{t(isLive ? 'gantt.live' : 'gantt.title')}</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section className={css.scroll} tabIndex={0} aria-label={t('gantt.title')}>
        <svg
          viewBox={`0 0 ${WIDTH} ${height}`}
          className={css.gantt}
          role="img"
          aria-label={t(isLive ? 'gantt.liveText' : 'gantt.text', { buses: buses.length, routes })}
          data-testid={isLive ? 'live-gantt' : 'gantt'}
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
      {!isLive && (
        <details>
          <summary>{t('gantt.table')}</summary>
          <Table buses={buses} />
        </details>
      )}
    </section>
  );
}

function Row({ bus, y, x }: { bus: LiveBus; y: number; x: (minutes: number) => number }) {
  return (
    <>
      <text className={css.label} x={2} y={y + BAR}>
        {bus.bus_id}
      </text>
      {bus.items.map((item) => {
        const start = minutesOf(item.start_time);
        const before = item.deadhead_minutes ?? 0;
        const left = x(start - before);
        return (
          <g key={item.route_id}>
            <title>{titleOf(item)}</title>
            {before > 0 && (
              <rect
                className={css.empty}
                x={left}
                y={y + BAR / 3}
                width={x(start) - left}
                height={BAR / 3}
              />
            )}
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

function Table({ buses }: { buses: readonly LiveBus[] }) {
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

const timesOf = (item: LiveItem): string =>
  `${item.start_time.slice(0, 5)}–${item.end_time.slice(0, 5)}`;

const titleOf = (item: LiveItem): string => `${item.route_id} ${timesOf(item)}`;
