import type { Locale } from './translate.ts';

/** A formatter takes longer to make than a row to draw, and a table needs a few of them for each row. */
const made = new Map<string, Intl.DateTimeFormat | Intl.NumberFormat>();

function kept<F extends Intl.DateTimeFormat | Intl.NumberFormat>(key: string, make: () => F): F {
  const known = made.get(key) ?? make();
  made.set(key, known);
  return known as F;
}

/** A moment, by the clock of the reader; with the date when it was another day. */
export function formatTime(iso: string, locale: Locale, now: number): string {
  const moment = new Date(iso);
  const isToday = moment.toDateString() === new Date(now).toDateString();
  const format: Intl.DateTimeFormatOptions = isToday
    ? { timeStyle: 'medium' }
    : { dateStyle: 'short', timeStyle: 'short' };
  const make = (): Intl.DateTimeFormat => new Intl.DateTimeFormat(locale, format);
  return kept(`${locale} ${isToday}`, make).format(moment);
}

/** "4.2s", "3m 5s", "2h 3m": at most two units. */
export function formatDuration(ms: number, locale: Locale): string {
  const seconds = Math.max(ms, 0) / 1000;
  if (seconds < 10) return unit(Math.floor(seconds * 10) / 10, 'second', locale, 1);
  const whole = Math.floor(seconds);
  if (whole < 60) return unit(whole, 'second', locale);
  const [large, small, size] =
    whole < 3600 ? (['minute', 'second', 60] as const) : (['hour', 'minute', 3600] as const);
  const rest = Math.floor((whole % size) / (size / 60));
  return `${unit(Math.floor(whole / size), large, locale)} ${unit(rest, small, locale)}`;
}

function unit(value: number, name: string, locale: Locale, digits = 0): string {
  const make = (): Intl.NumberFormat =>
    new Intl.NumberFormat(locale, {
      style: 'unit',
      unit: name,
      unitDisplay: 'narrow',
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
  return kept(`${locale} ${name} ${digits}`, make).format(value);
}
