import { expect, test } from 'vitest';
import { depotsOf, pullsOf } from './depots.ts';
import { type Bus, hoursOf } from './model.ts';

const bus = (bus_id: string, depot: Partial<Bus> = {}): Bus => ({
  bus_id,
  items: [
    {
      route_id: 'a',
      type: 'entry',
      start_time: '08:00:00',
      end_time: '08:30:00',
      time_shift_minutes: 0,
      deadhead_minutes: 0,
      stops: [],
    },
  ],
  ...depot,
});
const NORTH = {
  depot: { name: 'Norte', lat: 42.8, lon: -8.2 },
  leaves_depot: '06:50:00',
  back_at_depot: '09:10:00',
  pull_out_minutes: 70,
  pull_in_minutes: 40,
};

test('each depot is told once, with its buses, and by its place where it has no name', () => {
  const unnamed = { depot: { name: '', lat: 42.4, lon: -8.2 } };
  const plan = [bus('B001', NORTH), bus('B002', unnamed), bus('B003', NORTH), bus('B004')];
  expect(depotsOf(plan).map(({ name, buses }) => [name, buses])).toEqual([
    ['42.400, -8.200', ['B002']],
    ['Norte', ['B001', 'B003']],
  ]);
});

test('the ways to the first service and home belong to the day of a bus', () => {
  expect(pullsOf(bus('B001', NORTH)).map(({ from, to, minutes }) => [from, to, minutes])).toEqual([
    ['06:50:00', '08:00:00', 70],
    ['08:30:00', '09:10:00', 40],
  ]);
  expect(hoursOf([bus('B001', NORTH)])).toEqual({ from: 6, to: 10 });
  expect(pullsOf(bus('B004'))).toEqual([]);
});
