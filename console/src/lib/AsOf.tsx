import { useConnection } from '@avance/react';
import { createContext, type ReactNode, useContext, useRef } from 'react';

const Context = createContext<number | undefined>(undefined);

/** Knows since when nothing has come. */
export function AsOfProvider({ children }: { children: ReactNode }) {
  const { status } = useConnection();
  const lostAt = useRef<number>(undefined);
  const isCut = status === 'recovering' || status === 'offline';
  lostAt.current = isCut ? (lostAt.current ?? Date.now()) : undefined;
  return <Context.Provider value={lostAt.current}>{children}</Context.Provider>;
}

/** The moment of what is shown, while the connection is cut; undefined while it is not. */
export function useAsOf(): number | undefined {
  return useContext(Context);
}
