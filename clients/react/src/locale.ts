import { useSyncExternalStore } from 'react';

export type Locale = 'en' | 'es';

/** What the browser prefers; English on a server, which knows no browser. */
export function useBrowserLocale(): Locale {
  return useSyncExternalStore(never, preferred, () => 'en');
}

function preferred(): Locale {
  return /^es\b/i.test(navigator.language) ? 'es' : 'en';
}

function never(): () => void {
  return () => undefined;
}
