import { expect, test } from 'vitest';
import { en } from './en.ts';
import { es } from './es.ts';
import {
  bestOf,
  FINDING_CODES,
  hoursOf,
  type Item,
  knownFinding,
  minutesOf,
  projection,
} from './model.ts';

const item = (start_time: string, end_time: string): Item => ({
  route_id: 'a',
  type: 'exit',
  time_shift_minutes: 0,
  deadhead_minutes: 0,
  stops: [],
  start_time,
  end_time,
});

test('a service after midnight stands to the right of one before', () => {
  const bus = { bus_id: 'B1', items: [item('23:30:00', '24:10:00'), item('25:00:30', '25:30:00')] };
  expect(minutesOf('25:00:30')).toBe(1500.5);
  expect(hoursOf([bus])).toEqual({ from: 23, to: 26 });
  expect(hoursOf([])).toEqual({ from: 6, to: 18 });
});

test('a best plan is told only with its bound', () => {
  expect(bestOf({ best_buses: 30, bound: 28, gap: 0.07 })).toEqual({ buses: 30, bound: 28 });
  expect(bestOf({ current: 3 })).toBeUndefined();
  expect(bestOf(undefined)).toBeUndefined();
});

test('places keep their shape: north is up, and a degree to the east is shorter', () => {
  const stops = [
    { lat: 43, lon: -9 },
    { lat: 42, lon: -8 },
  ];
  const { x, y } = projection(stops, 100);
  expect([x(stops[0] ?? { lat: 0, lon: 0 }), y(stops[0] ?? { lat: 0, lon: 0 })]).toEqual([0, 0]);
  expect(y({ lat: 42, lon: -8 })).toBeCloseTo(100);
  expect(x({ lat: 42, lon: -8 })).toBeCloseTo(100 * Math.cos((42.5 * Math.PI) / 180));
});

test('every finding that is said in words of the screen has them in both languages', () => {
  for (const code of FINDING_CODES) {
    expect(es[`finding.${code}`]).not.toBe(en[`finding.${code}`]);
  }
  expect(knownFinding('coordinate_far')).toBe('coordinate_far');
  expect(knownFinding('something_new')).toBeUndefined();
});
