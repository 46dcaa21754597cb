import { type AvanceError, asAvanceError, type JobHandle } from '@avance/client';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { JobLike } from './useJob.ts';
import { useLatest } from './useSource.ts';

/** Waits for its turn, is on its way, was taken by the server as a job, or ended before that. */
export type UploadState = 'waiting' | 'sending' | 'sent' | 'failed' | 'cancelled';

export interface Upload {
  id: number;
  file: File;
  state: UploadState;
  /** Between 0 and 1, of the bytes. */
  part: number;
  /** What the server made of it. */
  job: JobLike;
  error: AvanceError | undefined;
}

export interface SendUploadOptions {
  onProgress: (part: number) => void;
  signal: AbortSignal;
}

export interface UseUploadsOptions {
  /** Brings one file to the server and gives the job that works on it, or nothing where there is none. */
  send: (file: File, options: SendUploadOptions) => Promise<string | JobHandle | undefined>;
  /** So many at once; the others wait. */
  parallel?: number;
}

export interface UseUploads {
  uploads: readonly Upload[];
  add: (files: Iterable<File>) => void;
  cancel: (id: number) => void;
  retry: (id: number) => void;
  dismiss: (id: number) => void;
  /** Take away those that are no longer on their way. */
  clear: () => void;
}

const PARALLEL = 3;

/** Send files, some at a time, and keep what became of each. */
export function useUploads(options: UseUploadsOptions): UseUploads {
  const latest = useLatest(options);
  const [uploads, set] = useState<readonly Upload[]>([]);
  const aborts = useRef(new Map<number, AbortController>());
  const last = useRef(0);

  const change = useCallback(
    (id: number, to: Partial<Upload>) =>
      set((before) => before.map((one) => (one.id === id ? { ...one, ...to } : one))),
    [],
  );

  const start = useCallback(
    async ({ id, file }: Upload): Promise<void> => {
      const abort = new AbortController();
      aborts.current.set(id, abort);
      change(id, { state: 'sending', part: 0, error: undefined });
      try {
        const job = await latest.current.send(file, {
          onProgress: (part) => change(id, { part }),
          signal: abort.signal,
        });
        change(id, { state: 'sent', part: 1, job });
      } catch (thrown) {
        if (abort.signal.aborted) change(id, { state: 'cancelled' });
        else change(id, { state: 'failed', error: asAvanceError(thrown) });
      } finally {
        aborts.current.delete(id);
      }
    },
    [change, latest],
  );

  useEffect(() => {
    const free = (latest.current.parallel ?? PARALLEL) - aborts.current.size;
    const due = uploads.filter(({ id, state }) => state === 'waiting' && !aborts.current.has(id));
    for (const upload of due.slice(0, Math.max(free, 0))) void start(upload);
  }, [uploads, start, latest]);

  useEffect(() => {
    const running = aborts.current;
    return () => {
      for (const abort of running.values()) abort.abort();
    };
  }, []);

  return useMemo(
    () => ({
      uploads,
      add(files) {
        const added = [...files].map((file): Upload => {
          last.current += 1;
          const none = { job: undefined, error: undefined };
          return { id: last.current, file, state: 'waiting', part: 0, ...none };
        });
        set((before) => [...before, ...added]);
      },
      cancel(id) {
        aborts.current.get(id)?.abort();
        change(id, { state: 'cancelled' });
      },
      retry: (id) => change(id, { state: 'waiting' }),
      dismiss(id) {
        aborts.current.get(id)?.abort();
        set((before) => before.filter((one) => one.id !== id));
      },
      clear: () => set((before) => before.filter(({ state }) => isOnItsWay(state))),
    }),
    [uploads, change],
  );
}

export function isOnItsWay(state: UploadState): boolean {
  return state === 'waiting' || state === 'sending';
}
