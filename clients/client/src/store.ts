import { emptyEntry, type JobEntry } from './reduce.ts';

/** Entries that nobody looks at are forgotten above this, the oldest first. */
export const ENTRIES_MAX = 5_000;

type Listener = () => void;
type ChangeListener = (entry: JobEntry) => void;

/** All that this page knows of jobs, each once. */
export class Store {
  readonly #entries = new Map<string, JobEntry>();
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #changes = new Set<ChangeListener>();
  readonly #pending = new Map<string, JobEntry>();

  entry(id: string): JobEntry {
    return this.#entries.get(id) ?? this.#unknown(id);
  }

  /** Replace an entry by what `change` makes of it; the same entry is no change. */
  update(id: string, change: (entry: JobEntry) => JobEntry): JobEntry {
    const before = this.entry(id);
    const after = change(before);
    if (after === before) return before;
    this.#pending.delete(id);
    this.#entries.set(id, after);
    if (this.#entries.size > ENTRIES_MAX) this.#forget(id);
    for (const listener of this.#listeners.get(id) ?? []) listener();
    for (const listener of this.#changes) listener(after);
    return after;
  }

  subscribe(id: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(id);
    };
  }

  /** Hear of every entry that changes. */
  onChange(listener: ChangeListener): () => void {
    this.#changes.add(listener);
    return () => this.#changes.delete(listener);
  }

  // A snapshot of what is not there must be the same object each time, or React renders for ever.
  #unknown(id: string): JobEntry {
    const entry = this.#pending.get(id) ?? emptyEntry(id);
    if (this.#pending.size >= ENTRIES_MAX) this.#pending.clear();
    this.#pending.set(id, entry);
    return entry;
  }

  #forget(kept: string): void {
    for (const id of this.#entries.keys()) {
      if (this.#entries.size <= ENTRIES_MAX) return;
      if (id !== kept && !this.#listeners.has(id)) this.#entries.delete(id);
    }
  }
}
