import { en, type Key, type Message } from './en.ts';
import { es } from './es.ts';

export const LOCALES = ['en', 'es'] as const;
export type Locale = (typeof LOCALES)[number];
export type Values = Record<string, string | number>;
/** `n` among the values chooses the plural. */
export type Translate = (key: Key, values?: Values) => string;

const TEXTS: Record<Locale, Record<Key, Message>> = { en, es };

export function translateTo(locale: Locale): Translate {
  return translateIn(locale, TEXTS[locale]);
}

export function translateIn<K extends string>(
  locale: Locale,
  texts: Readonly<Record<K, Message>>,
): (key: K, values?: Values) => string {
  const plurals = new Intl.PluralRules(locale);
  const numbers = new Intl.NumberFormat(locale);
  const choose = (message: Message, values: Values): string => {
    if (typeof message === 'string') return message;
    const form = plurals.select(Number(values.n ?? 0));
    return (form === 'one' || form === 'many' ? message[form] : undefined) ?? message.other;
  };
  return (key, values = {}) =>
    choose(texts[key], values).replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = values[name];
      return typeof value === 'number' ? numbers.format(value) : (value ?? '');
    });
}

/** Spanish when the browser puts it before English. */
export function preferredLocale(languages: readonly string[]): Locale {
  const known = languages.map((one) => one.slice(0, 2).toLowerCase());
  return (
    LOCALES.find((locale) => locale === known.find((one) => one === 'es' || one === 'en')) ?? 'en'
  );
}
