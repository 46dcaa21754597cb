import type { AvanceClient } from '@avance/client';
import { createContext, type ReactNode, useContext, useMemo } from 'react';
import { type Locale, useBrowserLocale } from './locale.ts';

interface Avance {
  client: AvanceClient;
  locale: Locale | undefined;
}

const Context = createContext<Avance | undefined>(undefined);

export interface AvanceProviderProps {
  client: AvanceClient;
  /** Of the components; default: what the browser prefers. */
  locale?: Locale;
  children?: ReactNode;
}

/** Gives a client to all below. The page makes it, once, outside of rendering. */
export function AvanceProvider({ client, locale, children }: AvanceProviderProps): ReactNode {
  const avance = useMemo(() => ({ client, locale }), [client, locale]);
  return <Context.Provider value={avance}>{children}</Context.Provider>;
}

/** The client of the provider. */
export function useAvance(): AvanceClient {
  const avance = useContext(Context);
  if (avance === undefined) {
    throw new Error('there is no client here: put <AvanceProvider client={…}> around the page');
  }
  return avance.client;
}

export function useOptionalAvance(): AvanceClient | undefined {
  return useContext(Context)?.client;
}

/** The language of the components. */
export function useLocale(own: Locale | undefined): Locale {
  const given = useContext(Context)?.locale;
  const browser = useBrowserLocale();
  return own ?? given ?? browser;
}
