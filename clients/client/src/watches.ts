import type { Access, Link } from './link.ts';

/** A screen that is replaced by the next one keeps its channels this long. */
export const LINGER_MS = 1_000;

interface Watch {
  count: number;
  access: Access;
  timer: ReturnType<typeof setTimeout> | undefined;
  isOver: boolean;
}

/** Counts who wants a channel, so that the link carries each once. */
export class Watches {
  readonly #watches = new Map<string, Watch>();
  readonly #link: () => Link;

  constructor(link: () => Link) {
    this.#link = link;
  }

  add(channel: string, access: Access = {}): () => void {
    const watch = this.#watches.get(channel) ?? this.#begin(channel, access);
    watch.count += 1;
    clearTimeout(watch.timer);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      watch.count -= 1;
      if (watch.count === 0) watch.timer = setTimeout(() => this.#end(channel, watch), LINGER_MS);
    };
  }

  /** Nothing more will come on this channel. */
  settle(channel: string): void {
    const watch = this.#watches.get(channel);
    if (watch === undefined || watch.isOver) return;
    watch.isOver = true;
    this.#link().unwatch(channel);
  }

  clear(): void {
    for (const [channel, watch] of this.#watches) {
      clearTimeout(watch.timer);
      this.#end(channel, watch);
    }
  }

  #begin(channel: string, access: Access): Watch {
    const watch: Watch = { count: 0, access, timer: undefined, isOver: false };
    this.#watches.set(channel, watch);
    this.#link().watch(channel, access);
    return watch;
  }

  #end(channel: string, watch: Watch): void {
    this.#watches.delete(channel);
    if (!watch.isOver) this.#link().unwatch(channel);
  }
}
