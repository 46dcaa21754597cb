import { useEffect, useState } from 'react';

/** What lasts less than this needs no skeleton. */
const PATIENCE_MS = 200;

/** True once something has lasted for a while. */
export function useDelayed(isOn: boolean): boolean {
  const [isDue, set] = useState(false);
  useEffect(() => {
    if (!isOn) return undefined;
    const timer = setTimeout(() => set(true), PATIENCE_MS);
    return () => {
      clearTimeout(timer);
      set(false);
    };
  }, [isOn]);
  return isOn && isDue;
}
