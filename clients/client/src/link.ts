import type { AvanceError } from './errors.ts';
import { createNotifier } from './notifier.ts';

export type ConnectionStatus = 'connecting' | 'live' | 'recovering' | 'polling' | 'offline';

export interface ConnectionState {
  readonly status: ConnectionStatus;
  /** Of the last disconnect. */
  readonly code: number | undefined;
  readonly reason: string | undefined;
  /** The server does not want this client back; only `reconnect()` tries again. */
  readonly isTerminal: boolean;
}

/** Where to go on in a stream. */
export interface StreamPosition {
  epoch: string;
  offset: number;
}

export interface Access {
  token?: string | undefined;
  since?: StreamPosition | undefined;
}

/** What a link tells. */
export interface Sink {
  subscribed(channel: string, epoch: string, isRecovered: boolean): void;
  publication(channel: string, data: unknown): void;
  refused(channel: string, error: AvanceError): void;
  connection(state: ConnectionState): void;
}

/** Brings channels to this page: by a connection of its own, or by that of another tab. */
export interface Link {
  watch(channel: string, access: Access): void;
  unwatch(channel: string): void;
  reconnect(): void;
  close(): void;
}

export function connectionIn(
  status: ConnectionStatus,
  code?: number,
  reason?: string,
  isTerminal = false,
): ConnectionState {
  return { status, code, reason, isTerminal };
}

export const CONNECTING: ConnectionState = connectionIn('connecting');

/** How the connection is, as an external store. */
export interface Connection {
  readonly subscribe: (listener: () => void) => () => void;
  readonly get: () => ConnectionState;
}

export interface SettableConnection extends Connection {
  set: (state: ConnectionState) => void;
}

export function createConnection(): SettableConnection {
  const { subscribe, notify } = createNotifier();
  let shown = CONNECTING;
  return {
    subscribe,
    get: () => shown,
    set: (state) => {
      if (shown.status === state.status && shown.isTerminal === state.isTerminal) return;
      shown = state;
      notify();
    },
  };
}
