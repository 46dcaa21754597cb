import { describe, expect, it } from 'vitest';
import { en, type Key } from '../src/i18n/en.ts';
import { es } from '../src/i18n/es.ts';
import { formatDuration } from '../src/i18n/format.ts';
import { preferredLocale, translateTo } from '../src/i18n/translate.ts';

const keys = Object.keys(en) as Key[];
const placeholders = (message: unknown): string[] => [
  ...new Set(JSON.stringify(message).match(/\{\w+\}/g)),
];

describe('the two languages', () => {
  it('say the same things', () => {
    expect(Object.keys(es).sort()).toEqual([...keys].sort());
  });

  it.each(keys)('name the same values in %s', (key) => {
    expect(placeholders(es[key]).sort()).toEqual(placeholders(en[key]).sort());
  });

  it('leave no text empty', () => {
    for (const text of [...Object.values(en), ...Object.values(es)]) expect(text).toBeTruthy();
  });
});

describe('translating', () => {
  it('chooses the plural, with the numbers of the language', () => {
    const t = translateTo('es');
    expect(t('jobs.count', { n: 1 })).toBe('1 trabajo a la vista');
    expect(t('jobs.count', { n: 12_345 })).toBe('12.345 trabajos a la vista');
    expect(translateTo('en')('jobs.count', { n: 12_345 })).toBe('12,345 jobs shown');
  });

  it('prefers Spanish where the browser puts it first, and English otherwise', () => {
    expect(preferredLocale(['es-MX', 'en'])).toBe('es');
    expect(preferredLocale(['ca', 'es'])).toBe('es');
    expect(preferredLocale(['en-GB', 'es'])).toBe('en');
    expect(preferredLocale(['fr'])).toBe('en');
  });

  it('says durations with at most two units', () => {
    expect(formatDuration(4_260, 'en')).toBe('4.2s');
    expect(formatDuration(185_000, 'en')).toBe('3m 5s');
    expect(formatDuration(7_380_000, 'en')).toBe('2h 3m');
  });
});
