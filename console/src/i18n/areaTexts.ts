import { useMemo } from 'react';
import type { Message } from './en.ts';
import { useI18n } from './I18n.tsx';
import { type Locale, translateIn, type Values } from './translate.ts';

export type { Message } from './en.ts';
export type Texts = Readonly<Record<string, Message>>;

export interface AreaI18n<K extends string> {
  locale: Locale;
  t: (key: K, values?: Values) => string;
}

/** The texts of an area, which come with its screens and not before. */
export function areaTexts<K extends string>(
  texts: Readonly<Record<Locale, Readonly<Record<K, Message>>>>,
): () => AreaI18n<K> {
  return function useTexts() {
    const { locale } = useI18n();
    return useMemo(() => ({ locale, t: translateIn(locale, texts[locale]) }), [locale]);
  };
}
