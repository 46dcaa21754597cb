import { type ComponentType, lazy } from 'react';

/** After an upgrade the files that an open page knows are gone; more reloads than this would be a loop. */
const RELOADS_MAX = 2;
const WITHIN_MS = 300_000;
const KEY = 'avance.reloads';

/** What is loaded when it is needed. One that is there no more, on a server that is, comes with a new page. */
export function later<P>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  return lazy(async () => {
    try {
      return { default: await load() };
    } catch (error) {
      if (!(await isServerThere()) || !countReload()) throw error;
      window.location.reload();
      // Else an error would be drawn for a moment.
      return new Promise<never>(() => undefined);
    }
  }) as ComponentType<P>;
}

// A page that is reloaded while its server is away shows nothing any more.
async function isServerThere(): Promise<boolean> {
  try {
    return (await fetch(window.location.href, { method: 'HEAD' })).ok;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

// Where nothing can be kept, reloads could not be counted.
function countReload(): boolean {
  try {
    const now = Date.now();
    const times = JSON.parse(sessionStorage.getItem(KEY) ?? '[]') as number[];
    const recent = times.filter((at) => now - at < WITHIN_MS);
    sessionStorage.setItem(KEY, JSON.stringify([...recent, now]));
    return recent.length < RELOADS_MAX;
  } catch (error) {
    if (error instanceof DOMException) return false;
    throw error;
  }
}
