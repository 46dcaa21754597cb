import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { readChoice, writeChoice } from '../lib/choice.ts';
import { LOCALES, type Locale, preferredLocale, type Translate, translateTo } from './translate.ts';

interface I18n {
  locale: Locale;
  t: Translate;
  setLocale: (locale: Locale) => void;
}

const KEY = 'avance.language';
const Context = createContext<I18n | undefined>(undefined);

export function I18nProvider({ children }: { children: ReactNode }) {
  const [locale, set] = useState(
    () => readChoice(KEY, LOCALES) ?? preferredLocale(navigator.languages),
  );
  useEffect(() => {
    document.documentElement.lang = locale;
  }, [locale]);
  const i18n = useMemo(() => {
    const setLocale = (next: Locale): void => {
      writeChoice(KEY, next);
      set(next);
    };
    return { locale, t: translateTo(locale), setLocale };
  }, [locale]);
  return <Context.Provider value={i18n}>{children}</Context.Provider>;
}

export function useI18n(): I18n {
  const i18n = useContext(Context);
  if (i18n === undefined) throw new Error('put <I18nProvider> around the page');
  return i18n;
}
