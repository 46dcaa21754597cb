import { DAYS, type Day } from './model.ts';

/** How many routes run on each day that a list names, in the order of the week. */
export function daysOf(routes: readonly unknown[]): readonly { day: Day; n: number }[] {
  return DAYS.map((day) => ({
    day,
    n: routes.filter((route) => codesOf(route).includes(day)).length,
  })).filter(({ n }) => n > 0);
}

/** The routes that run on one of these days, on these alone. */
export function onDays(routes: readonly unknown[], days: readonly Day[]): readonly object[] {
  return routes.flatMap((route) => {
    const mine = days.filter((day) => codesOf(route).includes(day));
    return mine.length === 0 ? [] : [{ ...(route as object), days: mine }];
  });
}

/** A made-up week, in which no two days are alike: each route rests on one. */
export function asWeek(routes: readonly unknown[]): readonly object[] {
  return routes.map((route, number) => ({
    ...(route as object),
    days: DAYS.filter((_, place) => place !== number % DAYS.length),
  }));
}

/** The server says what is wrong with a route; here it counts for what it names. */
export function codesOf(route: unknown): readonly unknown[] {
  const { days } = (route ?? {}) as { days?: unknown };
  return Array.isArray(days) ? days : [];
}
