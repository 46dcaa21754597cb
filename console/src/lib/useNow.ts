import { useEffect, useState } from 'react';

/** The time, again and again while something runs. */
export function useNow(isRunning: boolean, everyMs = 1_000): number {
  const [now, set] = useState(Date.now);
  useEffect(() => {
    if (!isRunning) return undefined;
    set(Date.now());
    const timer = setInterval(() => set(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [isRunning, everyMs]);
  return now;
}
