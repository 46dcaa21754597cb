import type { Locale } from './translate.ts';

/** A moment, by the clock of the reader; with the date when it was another day. */
export function formatTime(iso: string, locale: Locale, now: number): string {
  const moment = new Date(iso);
  const isToday = moment.toDateString() === new Date(now).toDateString();
  const format: Intl.DateTimeFormatOptions = isToday
    ? { timeStyle: 'medium' }
    : { dateStyle: 'short', timeStyle: 'short' };
  return new Intl.DateTimeFormat(locale, format).format(moment);
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
  return new Intl.NumberFormat(locale, {
    style: 'unit',
    unit: name,
    unitDisplay: 'narrow',
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}
