import { depotName, pullsOf } from './depots.ts';
import { hourly, hoursOf, type LiveBus, type LiveItem, minutesOf, timesOf } from './model.ts';
import { PlanTable } from './PlanTable.tsx';
import css from './Routes.module.css';
import { useTexts } from './texts.ts';

const WIDTH = 900;
const NAMES = 40;
const NAMES_WITH_DEPOT = 120;
const NAME_CHARS_MAX = 16;
const ROW = 14;
const BAR = 9;

export interface GanttProps {
  buses: readonly LiveBus[];
  /** While it is still searched for, a plan has no table. */
  isLive?: boolean;
}

/** A row for each bus: services, and before them the empty run. */
export function Gantt({ buses, isLive = false }: GanttProps) {
  const { t } = useTexts();
  const { from, to } = hoursOf(buses);
  const names = buses.some(({ depot }) => depot) ? NAMES_WITH_DEPOT : NAMES;
  const x = (minutes: number): number =>
    names + ((WIDTH - names) * (minutes - 60 * from)) / (60 * Math.max(to - from, 1));
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
          <PlanTable buses={buses} />
        </details>
      )}
    </section>
  );
}

function Row({ bus, y, x }: { bus: LiveBus; y: number; x: (minutes: number) => number }) {
  return (
    <>
      <text className={css.label} x={2} y={y + BAR}>
        {bus.depot ? `${bus.bus_id} ${shortened(depotName(bus.depot))}` : bus.bus_id}
      </text>
      <Pulls bus={bus} y={y} x={x} />
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

function Pulls({ bus, y, x }: { bus: LiveBus; y: number; x: (minutes: number) => number }) {
  const { t } = useTexts();
  const depot = bus.depot && depotName(bus.depot);
  return pullsOf(bus).map(({ way, from, to }) => (
    <rect
      key={way}
      className={css.pull}
      x={x(minutesOf(from))}
      y={y + BAR / 3}
      width={Math.max(x(minutesOf(to)) - x(minutesOf(from)), 0)}
      height={BAR / 3}
    >
      <title>{`${t(`depot.${way}`, { depot: depot ?? '' })} ${hourly(from)}–${hourly(to)}`}</title>
    </rect>
  ));
}

const shortened = (name: string): string =>
  name.length > NAME_CHARS_MAX ? `${name.slice(0, NAME_CHARS_MAX - 1)}…` : name;

const titleOf = (item: LiveItem): string => `${item.route_id} ${timesOf(item)}`;
