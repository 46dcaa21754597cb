import type { LogLine, Part, Step } from '@avance/client';
import { useMemo } from 'react';
import { useAvance } from './context.tsx';
import {
  type JobFailure,
  type JobLike,
  showJob,
  useEntry,
  useHistory,
  useJobRef,
} from './useJob.ts';

export interface UseJobStream<T> {
  /** What the last attempt said under this name, from its start. */
  parts: readonly T[];
  /** The parts as one text. */
  text: string;
  isDone: boolean;
  error: JobFailure | undefined;
}

export interface UseJobLogs {
  logs: readonly LogLine[];
  isDone: boolean;
  error: JobFailure | undefined;
}

export interface UseJobLogsOptions {
  /** Only this level and those above it. */
  level?: 'debug' | 'info' | 'warning' | 'error';
  limit?: number;
}

const LEVELS: readonly string[] = ['debug', 'info', 'warning', 'error'];
const NO_PARTS: readonly Part[] = [];
const LINES = 500;

/** Follow a stream that the task names, such as the words of an answer. */
export function useJobStream<T = unknown>(like: JobLike, name: string): UseJobStream<T> {
  const ref = useJobRef(useAvance(), like);
  const entry = useEntry(ref);
  const failure = useHistory(ref, entry, true);
  const told = entry.streams[name] ?? NO_PARTS;
  const { isDone, error = failure } = showJob(entry, true);
  return useMemo(() => {
    const parts = told.map(({ chunk }) => chunk as T);
    return { parts, text: parts.map(String).join(''), isDone, error };
  }, [told, isDone, error]);
}

/** Follow the log of a job, from its start. */
export function useJobLogs(
  like: JobLike,
  { level = 'debug', limit = LINES }: UseJobLogsOptions = {},
): UseJobLogs {
  const ref = useJobRef(useAvance(), like);
  const entry = useEntry(ref);
  const failure = useHistory(ref, entry, true);
  const { isDone, error = failure } = showJob(entry, true);
  const lines = entry.logs;
  return useMemo(() => {
    const least = LEVELS.indexOf(level);
    const logs = lines.filter((line) => LEVELS.indexOf(line.level) >= least).slice(-limit);
    return { logs, isDone, error };
  }, [lines, level, limit, isDone, error]);
}

export interface UseJobSteps {
  /** States and phases in their order, of all attempts. */
  steps: readonly Step[];
  error: JobFailure | undefined;
}

/** Follow how a job goes from state to state and from phase to phase, from its start. */
export function useJobSteps(like: JobLike): UseJobSteps {
  const ref = useJobRef(useAvance(), like);
  const entry = useEntry(ref);
  const failure = useHistory(ref, entry, true);
  const { steps, error = failure } = entry;
  return useMemo(() => ({ steps, error }), [steps, error]);
}
