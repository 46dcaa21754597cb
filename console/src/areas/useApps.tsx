import type { AvanceError } from '@avance/client';
import { createContext, type ReactNode, useContext, useMemo } from 'react';
import { useApi } from '../lib/useApi.ts';
import { useRequest } from '../lib/useRequest.ts';

interface Apps {
  /** Undefined until the server has told. */
  names: ReadonlySet<string> | undefined;
  error: AvanceError | undefined;
  again: () => void;
}

interface AppList {
  apps: readonly { name: string; version: string }[];
}

const Context = createContext<Apps | undefined>(undefined);

/** Asks once which apps the server serves. */
export function AppsProvider({ children }: { children: ReactNode }) {
  const api = useApi();
  const ask = useMemo(
    () => (signal: AbortSignal) => api.get<AppList>('/v1/apps', undefined, { signal }),
    [api],
  );
  const { data, error, again } = useRequest(ask);
  const apps = useMemo(
    () => ({ names: data && new Set(data.apps.map((app) => app.name)), error, again }),
    [data, error, again],
  );
  return <Context.Provider value={apps}>{children}</Context.Provider>;
}

export function useApps(): Apps {
  const apps = useContext(Context);
  if (apps === undefined) throw new Error('put <AppsProvider> around the page');
  return apps;
}
