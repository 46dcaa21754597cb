import type { Job } from '@avance/client';
import { useState } from 'react';

interface Held {
  jobs: readonly Job[];
  /** How many have come since. */
  newCount: number;
  show: () => void;
}

/** A list whose new rows wait above it until somebody asks for them, so that nothing moves under a pointer. */
export function useHeldBack(all: readonly Job[], isLoading: boolean): Held {
  const [newest, setNewest] = useState<string>();
  const top = all[0] && keyOf(all[0]);
  // The first that are there are not news, nor is anything in an empty list.
  const limit = newest ?? (isLoading ? undefined : top);
  if (newest === undefined && limit !== undefined) setNewest(limit);
  const jobs = limit === undefined ? all : all.filter((job) => keyOf(job) <= limit);
  const isEmpty = jobs.length === 0;
  return {
    jobs: isEmpty ? all : jobs,
    newCount: isEmpty ? 0 : all.length - jobs.length,
    show: () => setNewest(top),
  };
}

function keyOf({ created_at, id }: Job): string {
  return created_at + id;
}
