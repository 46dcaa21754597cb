import { emptyEntry, type JobEntry } from './reduce.ts';

/** Entries that nobody looks at are forgotten above this, the oldest first. */
export const ENTRIES_MAX = 5_000;

/** All that this page knows of jobs, each once. */
export interface Store {
  entry: (id: string) => JobEntry;
  /** Replace an entry by what `change` makes of it; the same entry is no change. */
  update: (id: string, change: (entry: JobEntry) => JobEntry) => JobEntry;
  subscribe: (id: string, listener: () => void) => () => void;
  /** Hear of every entry that changes. */
  onChange: (listener: (entry: JobEntry) => void) => () => void;
}

export function createStore(): Store {
  const entries = new Map<string, JobEntry>();
  const listeners = new Map<string, Set<() => void>>();
  const changes = new Set<(entry: JobEntry) => void>();

  function entry(id: string): JobEntry {
    const known = entries.get(id);
    if (known) return known;
    // What is not there must be the same object each time, or React renders for ever.
    const made = emptyEntry(id);
    entries.set(id, made);
    for (const old of entries.keys()) {
      if (entries.size <= ENTRIES_MAX) break;
      if (old !== id && !listeners.has(old)) entries.delete(old);
    }
    return made;
  }

  return {
    entry,
    update(id, change) {
      const before = entry(id);
      const after = change(before);
      if (after === before) return before;
      entries.set(id, after);
      for (const listener of listeners.get(id) ?? []) listener();
      for (const listener of changes) listener(after);
      return after;
    },
    subscribe(id, listener) {
      const own = listeners.get(id) ?? new Set();
      listeners.set(id, own.add(listener));
      return () => {
        own.delete(listener);
        if (!own.size) listeners.delete(id);
      };
    },
    onChange(listener) {
      changes.add(listener);
      return () => changes.delete(listener);
    },
  };
}
