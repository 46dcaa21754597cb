import type { AvanceError } from './errors.ts';
import { Subscribable } from './subscribable.ts';

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

export const CONNECTING: ConnectionState = {
  status: 'connecting',
  code: undefined,
  reason: undefined,
  isTerminal: false,
};

/** How the connection is, as an external store. */
export class Connection extends Subscribable {
  #state = CONNECTING;

  readonly get = (): ConnectionState => this.#state;

  set(state: ConnectionState): void {
    const { status, isTerminal } = this.#state;
    if (status === state.status && isTerminal === state.isTerminal) return;
    this.#state = state;
    this.notify();
  }
}
