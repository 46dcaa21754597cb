export interface Notifier {
  subscribe: (listener: () => void) => () => void;
  notify: () => void;
}

/** Something that tells when it changed; `begin` runs for the first listener, and what it gives after the last. */
export function createNotifier(begin?: () => () => void): Notifier {
  const listeners = new Set<() => void>();
  let end: (() => void) | undefined;
  return {
    subscribe: (listener) => {
      listeners.add(listener);
      if (listeners.size === 1) end = begin?.();
      return () => {
        if (listeners.delete(listener) && listeners.size === 0) end?.();
      };
    },
    notify: () => {
      for (const listener of listeners) listener();
    },
  };
}
