import type { ConnectionState } from '@avance/client';
import { useMemo } from 'react';
import { useAvance } from './context.tsx';
import { CONNECTING, useSource } from './useSource.ts';

export interface UseConnection extends ConnectionState {
  /** Try again now. */
  reconnect: () => void;
}

/** How the connection is. */
export function useConnection(): UseConnection {
  const client = useAvance();
  const state = useSource(client.connection, CONNECTING);
  return useMemo(() => ({ ...state, reconnect: () => client.reconnect() }), [state, client]);
}
