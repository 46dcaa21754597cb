import { useEffect, useState } from 'react';

type Listener = (now: number) => void;

/** One clock for all who look at it equally often: a table of running jobs is drawn once a second, and not once for each of its rows. */
const clocks = new Map<number, Set<Listener>>();

function listen(everyMs: number, listener: Listener): () => void {
  const known = clocks.get(everyMs);
  const listeners = known ?? begin(everyMs);
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function begin(everyMs: number): Set<Listener> {
  const listeners = new Set<Listener>();
  clocks.set(everyMs, listeners);
  const timer = setInterval(() => {
    const now = Date.now();
    for (const listener of listeners) listener(now);
    if (listeners.size > 0) return;
    clearInterval(timer);
    clocks.delete(everyMs);
  }, everyMs);
  return listeners;
}

/** The time, again and again while something runs. */
export function useNow(isRunning: boolean, everyMs = 1_000): number {
  const [now, set] = useState(Date.now);
  useEffect(() => {
    if (!isRunning) return undefined;
    // What began long after it was drawn is not behind until the clock strikes; what began with it is drawn once.
    set((before) => (Date.now() - before < everyMs ? before : Date.now()));
    return listen(everyMs, set);
  }, [isRunning, everyMs]);
  return now;
}
