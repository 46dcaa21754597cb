import { AvanceError } from '@avance/client';
import { useCallback, useEffect, useState } from 'react';

export interface RequestState<T> {
  data: T | undefined;
  error: AvanceError | undefined;
  isLoading: boolean;
  again: () => void;
}

/** Ask once, and again when told to. `ask` must stay the same function. */
export function useRequest<T>(ask: (signal: AbortSignal) => Promise<T>): RequestState<T> {
  const [round, setRound] = useState(0);
  const [state, set] = useState<Omit<RequestState<T>, 'again'>>({
    data: undefined,
    error: undefined,
    isLoading: true,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round asks again
  useEffect(() => {
    const abort = new AbortController();
    set((before) => ({ ...before, isLoading: true }));
    ask(abort.signal).then(
      (data) => set({ data, error: undefined, isLoading: false }),
      (error: unknown) => {
        if (abort.signal.aborted) return;
        if (!(error instanceof AvanceError)) throw error;
        set((before) => ({ ...before, error, isLoading: false }));
      },
    );
    return () => abort.abort();
  }, [ask, round]);
  const again = useCallback(() => setRound((before) => before + 1), []);
  return { ...state, again };
}
