import type { AvanceError, JobHandle, JobRef, SubmitOptions } from '@avance/client';
import { useCallback, useMemo, useState } from 'react';
import { useAvance } from './context.tsx';
import { type UseJob, type UseJobOptions, useJob } from './useJob.ts';
import { useLatest } from './useSource.ts';

export interface UseSubmitOptions<R = unknown> extends UseJobOptions<R> {
  /** For a task that is submitted by its name. */
  submit?: SubmitOptions;
}

export interface UseSubmit<A, R = unknown> extends UseJob<R> {
  /** Submit and follow; a refusal shows as `error`. */
  submit: (args: A) => void;
  /** Submit and follow; a refusal is thrown. */
  submitAsync: (args: A) => Promise<JobRef<R>>;
  isSubmitting: boolean;
  /** Forget the job, as if nothing had been submitted. */
  reset: () => void;
}

interface Submission {
  handle?: JobHandle;
  error?: AvanceError;
  isSubmitting: boolean;
}

const NONE: Submission = { isSubmitting: false };

/**
 * Submit and follow in one: a task by its name, whose arguments are its parameters, or a function of
 * the page's own that gives a handle.
 */
export function useSubmit<A = Record<string, unknown>, R = unknown>(
  task: string | ((args: A) => Promise<JobHandle>),
  options: UseSubmitOptions<R> = {},
): UseSubmit<A, R> {
  const client = useAvance();
  const latest = useLatest({ task, options: options.submit });
  const [{ handle, error, isSubmitting }, set] = useState(NONE);
  const followed = useJob<R>(handle, options);

  const submitAsync = useCallback(
    async (args: A): Promise<JobRef<R>> => {
      set({ isSubmitting: true });
      try {
        const { task, options } = latest.current;
        const made =
          typeof task === 'string'
            ? await client.submit<R>(task, args as Record<string, unknown>, options)
            : await task(args);
        set({ handle: made, isSubmitting: false });
        return client.job<R>(made);
      } catch (thrown) {
        set({ error: thrown as AvanceError, isSubmitting: false });
        throw thrown;
      }
    },
    [client, latest],
  );
  const submit = useCallback(
    (args: A) => {
      // It is shown as `error`.
      submitAsync(args).catch(() => undefined);
    },
    [submitAsync],
  );
  const reset = useCallback(() => set(NONE), []);
  return useMemo(
    () => ({
      ...followed,
      error: error ?? followed.error,
      submit,
      submitAsync,
      reset,
      isSubmitting,
    }),
    [followed, error, submit, submitAsync, reset, isSubmitting],
  );
}
