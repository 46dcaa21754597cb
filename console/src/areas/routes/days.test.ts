import { expect, test } from 'vitest';
import { bodyOf, vehiclesIn } from './body.ts';
import { asWeek, daysOf, onDays } from './days.ts';

const ROUTES = [{ id: 'a', days: ['L', 'V'] }, { id: 'b', days: ['V'] }, { id: 'c' }, null];

test('the days that a list names are told in the order of the week', () => {
  expect(daysOf(ROUTES)).toEqual([
    { day: 'L', n: 1 },
    { day: 'V', n: 2 },
  ]);
  expect(daysOf([{ id: 'c' }])).toEqual([]);
});

test('routes are planned on the chosen days alone', () => {
  expect(onDays(ROUTES, ['L', 'M'])).toEqual([{ id: 'a', days: ['L'] }]);
});

test('in a made-up week each route rests on one day', () => {
  const week = asWeek(Array.from({ length: 10 }, (_, id) => ({ id })));
  expect(daysOf(week).map(({ n }) => n)).toEqual([8, 8, 8, 8, 8]);
});

test('what stands beside the routes of a file goes along', () => {
  const body = bodyOf('{"routes": [1], "vehicles": [{"id": "bus", "count": 3}, null], "seed": 2}');
  expect(body).toEqual({ routes: [1], vehicles: [{ id: 'bus', count: 3 }, null], seed: 2 });
  expect(vehiclesIn(body)).toBe(3);
  expect(bodyOf('[1, 2]')).toEqual({ routes: [1, 2] });
  expect(bodyOf('no JSON')).toEqual({ routes: [] });
  expect(bodyOf('null')).toEqual({ routes: [] });
});
