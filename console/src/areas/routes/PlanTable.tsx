import { depotName, pullsOf } from './depots.ts';
import { hourly, type LiveBus, timesOf } from './model.ts';
import { useTexts } from './texts.ts';

const COLUMNS = ['bus', 'vehicle', 'route', 'time', 'empty', 'shift'] as const;

/** The Gantt chart as a table: each way of each bus in its order. */
export function PlanTable({ buses }: { buses: readonly LiveBus[] }) {
  const { t } = useTexts();
  const hasVehicles = buses.some(({ vehicle }) => vehicle);
  const columns = hasVehicles ? COLUMNS : COLUMNS.filter((name) => name !== 'vehicle');
  return (
    <table>
      <thead>
        <tr>
          {columns.map((name) => (
            <th key={name} scope="col">
              {t(`table.${name}`)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {buses.map((bus) => (
          <BusRows key={bus.bus_id} bus={bus} hasVehicles={hasVehicles} />
        ))}
      </tbody>
    </table>
  );
}

function BusRows({ bus, hasVehicles }: { bus: LiveBus; hasVehicles: boolean }) {
  const { t } = useTexts();
  const first = (
    <>
      <td>{bus.bus_id}</td>
      {hasVehicles && <td>{vehicleOf(bus, t('seats', { n: bus.vehicle_seats ?? 0 }))}</td>}
    </>
  );
  const [out, home] = pullsOf(bus).map(({ way, from, to, minutes }) => (
    <tr key={way}>
      {first}
      <td>{t(`depot.${way}`, { depot: bus.depot ? depotName(bus.depot) : '' })}</td>
      <td>
        {hourly(from)}–{hourly(to)}
      </td>
      <td>{minutes}</td>
      <td />
    </tr>
  ));
  return (
    <>
      {out}
      {bus.items.map((item) => (
        <tr key={item.route_id}>
          {first}
          <td>{item.route_id}</td>
          <td>{timesOf(item)}</td>
          <td>{item.deadhead_minutes}</td>
          <td>{item.time_shift_minutes}</td>
        </tr>
      ))}
      {home}
    </>
  );
}

const vehicleOf = ({ vehicle = '', vehicle_seats }: LiveBus, seats: string): string =>
  vehicle_seats === undefined ? vehicle : `${vehicle}, ${seats}`;
