import type { Access, Link } from './link.ts';

/** A screen that is replaced by the next one keeps its channels this long. */
export const LINGER_MS = 1_000;

interface Watch {
  count: number;
  timer?: ReturnType<typeof setTimeout>;
  isOver?: boolean;
}

/** Counts who wants a channel, so that the link carries each once. */
export interface Watches {
  add: (channel: string, access?: Access) => () => void;
  /** Nothing more will come on this channel. */
  settle: (channel: string) => void;
  clear: () => void;
}

export function createWatches(link: () => Link): Watches {
  const watches = new Map<string, Watch>();

  function end(channel: string, watch: Watch): void {
    clearTimeout(watch.timer);
    watches.delete(channel);
    if (!watch.isOver) link().unwatch(channel);
  }

  return {
    add(channel, access = {}) {
      const watch = watches.get(channel) ?? { count: 0 };
      if (!watches.has(channel)) {
        watches.set(channel, watch);
        link().watch(channel, access);
      }
      watch.count += 1;
      clearTimeout(watch.timer);
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        watch.count -= 1;
        if (!watch.count) watch.timer = setTimeout(() => end(channel, watch), LINGER_MS);
      };
    },
    settle(channel) {
      const watch = watches.get(channel);
      if (!watch || watch.isOver) return;
      watch.isOver = true;
      link().unwatch(channel);
    },
    clear() {
      for (const [channel, watch] of watches) end(channel, watch);
    },
  };
}
