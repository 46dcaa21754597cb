import { useEffect } from 'react';
import { type RequestState, useRequest } from './useRequest.ts';

/** Ask again and again while the page is in front. `ask` must stay the same function. */
export function usePolled<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  everyMs: number,
): RequestState<T> {
  const state = useRequest(ask);
  const { again } = state;
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden && navigator.onLine) again();
    }, everyMs);
    return () => clearInterval(timer);
  }, [again, everyMs]);
  return state;
}
