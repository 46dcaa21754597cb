import { type ConnectionState, emptyEntry, type JobEntry } from '@avance/client';
import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import { perFrame } from './frame.ts';

/** What the client's stores have in common. */
export interface Source<T> {
  subscribe: (listener: () => void) => () => void;
  get: () => T;
}

/** Read a store of the client; the one bridge between it and React. */
export function useSource<T>(source: Source<T>, atServer: T): T {
  const subscribe = useMemo(() => perFrame(source.subscribe), [source]);
  return useSyncExternalStore(subscribe, source.get, () => atServer);
}

/** A box that holds what the last render gave, so that a callback that changes runs no effect again. */
export function useLatest<T>(value: T): { readonly current: T } {
  const box = useRef(value);
  useEffect(() => {
    box.current = value;
  });
  return box;
}

/** Of a job that is not there. */
export const NO_ENTRY: JobEntry = emptyEntry('');

export const CONNECTING: ConnectionState = {
  status: 'connecting',
  code: undefined,
  reason: undefined,
  isTerminal: false,
};
