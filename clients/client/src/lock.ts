/** The locks of this browser, if tabs can share a connection here. */
export function sharedLocks(): LockManager | undefined {
  if (typeof BroadcastChannel !== 'function') return undefined;
  return globalThis.navigator?.locks;
}

/** Hold a lock until the signal ends it or another tab steals it; resolves then. */
export async function hold(
  locks: LockManager,
  name: string,
  signal: AbortSignal,
  onHeld: () => void,
  steal = false,
): Promise<void> {
  const held = (): Promise<void> | undefined => {
    if (signal.aborted) return undefined;
    onHeld();
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve());
    });
  };
  // A steal does not wait, so there is nothing to abort.
  await locks.request(name, steal ? { steal } : { signal }, held).catch((error: Error) => {
    // Where locks are forbidden, as in a sandboxed frame, each tab is on its own.
    if (error.name !== 'AbortError') return held();
    return undefined;
  });
}

/** Call back when whoever holds the lock lets it go. */
export function afterLock(
  locks: LockManager,
  name: string,
  signal: AbortSignal,
  onFree: () => void,
): void {
  locks.request(name, { signal }, onFree).catch((error: Error) => {
    if (error.name !== 'AbortError') throw error;
  });
}
