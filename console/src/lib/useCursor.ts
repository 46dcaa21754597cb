import { AvanceError } from '@avance/client';
import { useCallback, useEffect, useRef, useState } from 'react';

/** One page, and where the next begins; `cursor` is null on the last. */
export interface Page<T> {
  items: readonly T[];
  cursor: string | number | null;
}

export interface Pages<T> {
  items: readonly T[];
  hasMore: boolean;
  isLoading: boolean;
  error: AvanceError | undefined;
  more: () => void;
  /** From the first page; what is shown stays until it is here. */
  again: () => void;
}

export type AskPage<T> = (
  cursor: string | number | undefined,
  signal: AbortSignal,
) => Promise<Page<T>>;

/** Read page by page. `ask` must stay the same function while it asks for the same. */
export function useCursor<T>(ask: AskPage<T>): Pages<T> {
  const [items, setItems] = useState<readonly T[]>([]);
  const [cursor, setCursor] = useState<string | number | null>(null);
  const [error, setError] = useState<AvanceError>();
  const [isLoading, setLoading] = useState(true);
  const running = useRef<AbortController>(undefined);
  const read = useCallback(
    (from: string | number | undefined): void => {
      running.current?.abort();
      const abort = new AbortController();
      running.current = abort;
      setLoading(true);
      ask(from, abort.signal).then(
        (page) => {
          if (abort.signal.aborted) return;
          setItems((before) => (from === undefined ? page.items : [...before, ...page.items]));
          setCursor(page.cursor);
          setError(undefined);
          setLoading(false);
        },
        (failure: unknown) => {
          if (abort.signal.aborted) return;
          if (!(failure instanceof AvanceError)) throw failure;
          setError(failure);
          setLoading(false);
        },
      );
    },
    [ask],
  );
  useEffect(() => {
    setItems([]);
    read(undefined);
    return () => running.current?.abort();
  }, [read]);
  return {
    items,
    hasMore: cursor !== null,
    isLoading,
    error,
    more: () => read(cursor ?? undefined),
    again: () => read(undefined),
  };
}
