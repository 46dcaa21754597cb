interface Request {
  tab: FakeTab;
  run: () => unknown;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

interface Lock {
  held: Request | undefined;
  queue: Request[];
}

/** What tabs of one browser have in common: Web Locks and BroadcastChannels, in memory. */
export class FakeBrowser {
  readonly #locks = new Map<string, Lock>();
  readonly channels = new Map<string, Set<FakeChannel>>();

  tab(): FakeTab {
    return new FakeTab(this);
  }

  request(
    tab: FakeTab,
    name: string,
    { signal, steal }: { signal?: AbortSignal; steal?: boolean },
    run: () => unknown,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const lock = this.#locks.get(name) ?? { held: undefined, queue: [] };
      this.#locks.set(name, lock);
      const request = { tab, run, resolve, reject };
      if (steal) {
        lock.held?.reject(new DOMException('stolen', 'AbortError'));
        this.#grant(lock, request);
        return;
      }
      lock.queue.push(request);
      signal?.addEventListener('abort', () => {
        if (!lock.queue.includes(request)) return;
        lock.queue = lock.queue.filter((one) => one !== request);
        reject(new DOMException('aborted', 'AbortError'));
      });
      this.#next(lock);
    });
  }

  /** All that a tab held or waited for goes with it, and none of its code runs for that. */
  forget(tab: FakeTab): void {
    for (const lock of this.#locks.values()) {
      lock.queue = lock.queue.filter((one) => one.tab !== tab);
      if (lock.held?.tab === tab) {
        lock.held = undefined;
        this.#next(lock);
      }
    }
  }

  #next(lock: Lock): void {
    queueMicrotask(() => {
      if (lock.held) return;
      const request = lock.queue.shift();
      if (request) this.#grant(lock, request);
    });
  }

  #grant(lock: Lock, request: Request): void {
    lock.held = request;
    Promise.resolve(request.run())
      .then(request.resolve, request.reject)
      .finally(() => {
        if (lock.held !== request) return;
        lock.held = undefined;
        this.#next(lock);
      });
  }
}

/** One tab: what its scripts see as `navigator.locks` and `BroadcastChannel`. */
export class FakeTab {
  readonly #browser: FakeBrowser;
  /** It neither hears nor speaks, as a page that the browser put to sleep. */
  isFrozen = false;

  constructor(browser: FakeBrowser) {
    this.#browser = browser;
  }

  get locks(): LockManager {
    const request = (name: string, options: object, run: () => unknown): Promise<unknown> =>
      this.#browser.request(this, name, options, run);
    return { request } as unknown as LockManager;
  }

  get BroadcastChannel(): new (
    name: string,
  ) => FakeChannel {
    const tab = this;
    const browser = this.#browser;
    return class extends FakeChannel {
      constructor(name: string) {
        super(name, tab, browser);
      }
    };
  }

  crash(): void {
    this.isFrozen = true;
    this.#browser.forget(this);
  }
}

export class FakeChannel {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  readonly #name: string;
  readonly #tab: FakeTab;
  readonly #browser: FakeBrowser;

  constructor(name: string, tab: FakeTab, browser: FakeBrowser) {
    this.#name = name;
    this.#tab = tab;
    this.#browser = browser;
    const channels = browser.channels.get(name) ?? new Set();
    browser.channels.set(name, channels.add(this));
  }

  postMessage(message: unknown): void {
    // As in a browser, what cannot be copied is an error, and what is copied loses its classes.
    const text = structuredClone(message);
    if (this.#tab.isFrozen) return;
    for (const channel of this.#browser.channels.get(this.#name) ?? []) {
      if (channel !== this) queueMicrotask(() => channel.#deliver(structuredClone(text)));
    }
  }

  close(): void {
    this.#browser.channels.get(this.#name)?.delete(this);
  }

  #deliver(data: unknown): void {
    if (!this.#tab.isFrozen) this.onmessage?.({ data });
  }
}
