/** What the server says of routes and plans, as far as it is shown. docs/contract/routes.md, 3.4. */

export interface RouteStop {
  lat: number;
  lon: number;
}

export interface Item {
  route_id: string;
  start_time: string;
  end_time: string;
  type: 'entry' | 'exit';
  time_shift_minutes: number;
  deadhead_minutes: number;
  stops: readonly RouteStop[];
}

export interface Depot extends RouteStop {
  name: string;
}

/** What is told of a bus where the body said what vehicles there are, and where they stand. */
export interface InVehicle {
  vehicle?: string;
  vehicle_seats?: number;
  depot?: Depot;
  pull_out_minutes?: number;
  pull_in_minutes?: number;
  leaves_depot?: string;
  back_at_depot?: string;
}

export interface Bus extends InVehicle {
  bus_id: string;
  items: readonly Item[];
}

/** What a service says while its plan is still searched for. */
export type LiveItem = Pick<Item, 'route_id' | 'start_time' | 'end_time' | 'type'> & Partial<Item>;

export interface LiveBus extends InVehicle {
  bus_id: string;
  items: readonly LiveItem[];
}

/** The best plan so far. docs/contract/routes.md, 3.4. */
export interface LivePlan {
  plan_rev: number;
  schedule: readonly LiveBus[];
}

/** What simulated days with delays come to. docs/en/howto/routes.md */
export interface Robustness {
  grade: string;
  on_time_share: number;
  delay_percent: number;
  runs: number;
  weakest: readonly { bus_id: string; on_time_share: number }[];
}

export interface Diagnostics {
  best_buses: number;
  lower_bound_buses: number;
  optimality_gap: number;
  solver_status: 'optimal' | 'feasible';
  deadhead_minutes: number;
  shift_minutes: number;
  min_routes_per_bus: number;
  max_routes_per_bus: number;
  certificate: readonly string[];
  depot_minutes?: number;
  vehicles_used?: Readonly<Record<string, number>>;
  robustness?: Robustness;
  goal?: WeighedGoal;
}

export interface WeighedGoal {
  preset: string;
  cost: number;
  /** Between what it costs and what any plan costs at least, as a share; null where nothing is shown. */
  gap: number | null;
  amounts: { deadhead_km: number; co2: number };
}

export interface Finding {
  code: string;
  message: string;
  field?: string;
  index?: number;
  id?: string;
}

export interface BellTime {
  school_id: string;
  minutes: number;
  bound_before: number;
  bound_after: number;
}

export interface Reasons {
  /** In the order of the routes that were left out. */
  left_out: readonly { text: string }[];
}

export interface Answer {
  result: {
    schedule: readonly Bus[];
    unassigned: readonly { route_id: string; reason: string }[];
    diagnostics: Diagnostics;
  };
  findings: readonly Finding[];
  explanations: {
    bell_times?: readonly BellTime[];
    es?: Reasons;
    en?: Reasons;
  };
}

export interface Rejection {
  sheet: string;
  row: number;
  message: string;
}

export interface Imported {
  routes: readonly unknown[];
  parse_report: { rows_dropped_invalid: number; rejections: readonly Rejection[] };
}

/** What a task tells beside its percent. */
export interface Best {
  buses: number;
  bound: number;
}

export const EXPORTS = ['xlsx', 'csv', 'pdf', 'geojson', 'json'] as const;
/** Monday to Friday, as the server writes them. */
export const DAYS = ['L', 'M', 'Mc', 'X', 'V'] as const;
export type Day = (typeof DAYS)[number];
export const MODES = ['buses', 'kilometres', 'balance'] as const;
export type Mode = (typeof MODES)[number];
/** Orders of goals, and goals that weigh what a plan comes to. */
export const AIMS = [...MODES, 'minimize_cost', 'minimize_emissions', 'balanced'] as const;
export type Aim = (typeof AIMS)[number];

const MINUTES_PER_HOUR = 60;

/** What a request says of it. */
export const askedFor = (aim: Aim): { mode: Mode } | { goal: string } => {
  const mode = MODES.find((one) => one === aim);
  return mode === undefined ? { goal: aim } : { mode };
};

export function bestOf(data: Record<string, unknown> | undefined): Best | undefined {
  const { best_buses: buses, bound } = data ?? {};
  return typeof buses === 'number' && typeof bound === 'number' ? { buses, bound } : undefined;
}

/** The number of the best plan so far. */
export function revisionOf(data: Record<string, unknown> | undefined): number | undefined {
  const { plan_rev } = data ?? {};
  return typeof plan_rev === 'number' ? plan_rev : undefined;
}

/** Minutes of the service day, which may go on after midnight. */
export function minutesOf(time: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = time.split(':').map(Number);
  return hours * MINUTES_PER_HOUR + minutes + seconds / MINUTES_PER_HOUR;
}

/** Hours and minutes of a time. */
export const hourly = (time: string): string => time.slice(0, 5);

export const timesOf = (item: LiveItem): string =>
  `${hourly(item.start_time)}–${hourly(item.end_time)}`;

/** From the first start to the last end, in whole hours. */
export function hoursOf(buses: readonly LiveBus[]): { from: number; to: number } {
  const times = buses.flatMap(({ items, leaves_depot, back_at_depot }) => [
    ...items.flatMap((item) => [item.start_time, item.end_time]),
    ...(leaves_depot === undefined ? [] : [leaves_depot]),
    ...(back_at_depot === undefined ? [] : [back_at_depot]),
  ]);
  if (times.length === 0) return { from: 6, to: 18 };
  const minutes = times.map(minutesOf);
  const from = Math.min(...minutes);
  const to = Math.max(...minutes);
  return { from: Math.floor(from / MINUTES_PER_HOUR), to: Math.ceil(to / MINUTES_PER_HOUR) };
}

export interface Projection {
  x: (stop: RouteStop) => number;
  y: (stop: RouteStop) => number;
}

/** Places on a square of this side; a degree of longitude is shorter the further north. */
export function projection(stops: readonly RouteStop[], side: number): Projection {
  const lats = stops.map((stop) => stop.lat);
  const lons = stops.map((stop) => stop.lon);
  const north = Math.max(...lats);
  const west = Math.min(...lons);
  const squeeze = Math.cos((((north + Math.min(...lats)) / 2) * Math.PI) / 180);
  const span = Math.max(
    north - Math.min(...lats),
    (Math.max(...lons) - west) * squeeze,
    Number.EPSILON,
  );
  return {
    x: (stop) => ((stop.lon - west) * squeeze * side) / span,
    y: (stop) => ((north - stop.lat) * side) / span,
  };
}

/** Findings that the screens say in words of their own; the server's are in English. */
export const FINDING_CODES = [
  'duplicate_id',
  'time_missing',
  'time_unusable',
  'times_contradict',
  'coordinate_far',
  'coordinate_missing',
  'coordinate_out_of_range',
  'coordinate_zero',
  'stops_missing',
  'type_unknown',
  'no_seats',
  'seats_unusual',
  'capacity_unusable',
  'days_unusable',
  'negative',
  'off_road',
  'far_from_road',
  'pin_impossible',
] as const;
export type FindingCode = (typeof FINDING_CODES)[number];

export function knownFinding(code: string): FindingCode | undefined {
  return FINDING_CODES.find((known) => known === code);
}
