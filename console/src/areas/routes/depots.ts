import type { Bus, Depot, LiveBus } from './model.ts';

export interface DepotUse {
  name: string;
  depot: Depot;
  /** The buses that stand there. */
  buses: readonly string[];
}

/** What a depot is called; one without a name by where it is. */
export function depotName({ name, lat, lon }: Depot): string {
  return name || `${lat.toFixed(3)}, ${lon.toFixed(3)}`;
}

/** The depots of a plan by name, each once. */
export function depotsOf(buses: readonly Bus[]): readonly DepotUse[] {
  const found = new Map<string, { name: string; depot: Depot; buses: string[] }>();
  for (const { bus_id, depot } of buses) {
    if (depot === undefined) continue;
    const key = `${depot.name} ${depot.lat} ${depot.lon}`;
    const known = found.get(key) ?? { name: depotName(depot), depot, buses: [] };
    known.buses.push(bus_id);
    found.set(key, known);
  }
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
}

export interface Pull {
  way: 'leaves' | 'returns';
  from: string;
  to: string;
  minutes: number | undefined;
}

/** The ways from the depot to the first service and home from the last. */
export function pullsOf({ items, leaves_depot, back_at_depot, ...bus }: LiveBus): readonly Pull[] {
  const [first, last] = [items[0], items.at(-1)];
  if (!first || !last || !leaves_depot || !back_at_depot) return [];
  return [
    { way: 'leaves', from: leaves_depot, to: first.start_time, minutes: bus.pull_out_minutes },
    { way: 'returns', from: last.end_time, to: back_at_depot, minutes: bus.pull_in_minutes },
  ];
}
