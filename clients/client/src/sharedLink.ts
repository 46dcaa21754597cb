// One tab of the browser leads: it holds the lock and the connection, and repeats what comes to the
// others over a BroadcastChannel. When it goes, the lock passes on and the next one asks all others
// what they watch and how far they are, so nothing is lost in between.

import { AvanceError, asAvanceError } from './errors.ts';
import {
  type Access,
  CONNECTING,
  type ConnectionState,
  type Link,
  type Sink,
  type StreamPosition,
} from './link.ts';
import { assertNever } from './model.ts';
import { pause } from './pause.ts';

/** A leader that does not answer a tab in front within this time is frozen, and is replaced. */
export const LEADER_TIMEOUT_MS = 3_000;

const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 20_000;

type Told =
  | { call: 'subscribed'; channel: string; epoch: string; isRecovered: boolean }
  | { call: 'publication'; channel: string; data: unknown }
  | { call: 'refused'; channel: string; code: string; message: string; status: number }
  | { call: 'connection'; state: ConnectionState };

type Message =
  | { type: 'watch'; tab: string; channel: string; access: Access }
  | { type: 'unwatch'; tab: string; channel: string }
  | { type: 'hello' }
  | { type: 'lead' }
  | { type: 'reconnect' }
  | { type: 'told'; told: Told }
  | { type: 'state'; tab: string; channel: string; state: unknown };

export interface SharedOptions {
  /** The same for the tabs that may share: server and user. */
  name: () => Promise<string>;
  locks: LockManager;
  /** Make the connection of a leader. */
  open: (sink: Sink) => Link;
  /** What this tab knows of a channel, for one that comes later. */
  stateOf: (channel: string) => unknown;
  adopt: (channel: string, state: unknown) => void;
  position: (channel: string) => StreamPosition | undefined;
}

export class SharedLink implements Link {
  readonly #tab = crypto.randomUUID();
  readonly #options: SharedOptions;
  readonly #sink: Sink;
  readonly #end = new AbortController();
  readonly #wanted = new Map<string, Access>();
  /** As leader: which tabs want a channel. */
  readonly #holders = new Map<string, Set<string>>();
  readonly #guarded = new Set<string>();
  #name = '';
  #bus: BroadcastChannel | undefined;
  #leading: Link | undefined;
  #state = CONNECTING;
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SharedOptions, sink: Sink) {
    this.#options = options;
    this.#sink = sink;
    void this.#start();
  }

  watch(channel: string, access: Access): void {
    this.#wanted.set(channel, access);
    this.#ask(channel, access);
  }

  unwatch(channel: string): void {
    this.#wanted.delete(channel);
    if (this.#leading) this.#drop(this.#tab, channel);
    else this.#post({ type: 'unwatch', tab: this.#tab, channel });
  }

  reconnect(): void {
    if (this.#leading) this.#leading.reconnect();
    else this.#post({ type: 'reconnect' });
  }

  close(): void {
    clearTimeout(this.#silence);
    this.#end.abort();
    this.#resign();
    this.#bus?.close();
  }

  async #start(): Promise<void> {
    const { signal } = this.#end;
    this.#name = await this.#nameOfGroup();
    if (signal.aborted) return;
    this.#bus = new BroadcastChannel(this.#name);
    this.#bus.onmessage = ({ data }: MessageEvent<Message>) => this.#receive(data);
    // Held as long as this tab lives, so that a leader notices when it is gone.
    void this.#hold(this.#lockOf(this.#tab), {}, () => undefined);
    void this.#elect();
    globalThis.document?.addEventListener('visibilitychange', () => this.#greet(), { signal });
    for (const [channel, access] of this.#wanted) this.#ask(channel, access);
    this.#greet();
  }

  async #nameOfGroup(): Promise<string> {
    for (let failures = 0; ; failures += 1) {
      try {
        return await this.#options.name();
      } catch (error) {
        const reason = asAvanceError(error).message;
        this.#sink.connection({ ...CONNECTING, reason });
        await pause(Math.min(RETRY_MS_MIN * 2 ** failures, RETRY_MS_MAX), this.#end.signal);
        if (this.#end.signal.aborted) return '';
      }
    }
  }

  async #elect(): Promise<void> {
    while (!this.#end.signal.aborted) {
      await this.#hold(this.#name, {}, () => this.#lead());
      // Another tab took the lock because this one was frozen.
      this.#resign();
    }
  }

  async #usurp(): Promise<void> {
    await this.#hold(this.#name, { steal: true }, () => this.#lead());
    this.#resign();
  }

  // Resolves when the lock was lost, or this link closed.
  async #hold(name: string, options: LockOptions, onHeld: () => void): Promise<void> {
    const { signal } = this.#end;
    const wait = options.steal ? options : { ...options, signal };
    try {
      await this.#options.locks.request(name, wait, () => {
        if (signal.aborted) return undefined;
        onHeld();
        return new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => resolve());
        });
      });
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== 'AbortError') throw error;
    }
  }

  #lead(): void {
    clearTimeout(this.#silence);
    this.#leading = this.#options.open(this.#relay());
    for (const [channel, access] of this.#wanted) this.#take(this.#tab, channel, access);
    this.#post({ type: 'lead' });
  }

  #resign(): void {
    this.#leading?.close();
    this.#leading = undefined;
    this.#holders.clear();
    this.#guarded.clear();
    for (const [channel, access] of this.#wanted) this.#ask(channel, access);
  }

  #relay(): Sink {
    return {
      subscribed: (channel, epoch, isRecovered) =>
        this.#tell({ call: 'subscribed', channel, epoch, isRecovered }),
      publication: (channel, data) => this.#tell({ call: 'publication', channel, data }),
      refused: (channel, { code, message, status }) =>
        this.#tell({ call: 'refused', channel, code, message, status }),
      connection: (state) => {
        // A tab that takes over connects anew, but to those who look it is the same connection.
        const isAgain = state.status === 'connecting' && this.#state.status !== 'connecting';
        this.#tell({
          call: 'connection',
          state: isAgain ? { ...state, status: 'recovering' } : state,
        });
      },
    };
  }

  #tell(told: Told): void {
    this.#pass(told);
    this.#post({ type: 'told', told });
  }

  #pass(told: Told): void {
    switch (told.call) {
      case 'subscribed':
        this.#sink.subscribed(told.channel, told.epoch, told.isRecovered);
        return;
      case 'publication':
        this.#sink.publication(told.channel, told.data);
        return;
      case 'refused': {
        const { code, message, status } = told;
        this.#sink.refused(told.channel, new AvanceError(code, message, { status }));
        return;
      }
      case 'connection':
        this.#state = told.state;
        this.#sink.connection(told.state);
        return;
      default:
        assertNever(told);
    }
  }

  #receive(message: Message): void {
    if (message.type === 'told' || message.type === 'lead') clearTimeout(this.#silence);
    switch (message.type) {
      case 'watch':
        if (this.#leading) this.#take(message.tab, message.channel, message.access);
        return;
      case 'unwatch':
        if (this.#leading) this.#drop(message.tab, message.channel);
        return;
      case 'hello':
        if (this.#leading) this.#tell({ call: 'connection', state: this.#state });
        return;
      case 'reconnect':
        this.#leading?.reconnect();
        return;
      case 'lead':
        for (const [channel, access] of this.#wanted) this.#ask(channel, access);
        return;
      case 'told':
        if (!('channel' in message.told) || this.#wanted.has(message.told.channel)) {
          this.#pass(message.told);
        }
        return;
      case 'state':
        if (message.tab === this.#tab) this.#options.adopt(message.channel, message.state);
        return;
      default:
        assertNever(message);
    }
  }

  #ask(channel: string, access: Access): void {
    if (this.#leading) {
      this.#take(this.#tab, channel, access);
      return;
    }
    const since = this.#options.position(channel);
    this.#post({ type: 'watch', tab: this.#tab, channel, access: { ...access, since } });
  }

  #take(tab: string, channel: string, access: Access): void {
    const holders = this.#holders.get(channel);
    if (holders === undefined) {
      this.#holders.set(channel, new Set([tab]));
      this.#leading?.watch(channel, access);
    } else {
      holders.add(tab);
    }
    if (tab === this.#tab) return;
    this.#guard(tab);
    const state = this.#options.stateOf(channel);
    if (state !== undefined) this.#post({ type: 'state', tab, channel, state });
  }

  #drop(tab: string, channel: string): void {
    const holders = this.#holders.get(channel);
    if (!holders?.delete(tab) || holders.size > 0) return;
    this.#holders.delete(channel);
    this.#leading?.unwatch(channel);
  }

  #guard(tab: string): void {
    if (this.#guarded.has(tab)) return;
    this.#guarded.add(tab);
    const { signal } = this.#end;
    this.#options.locks
      .request(this.#lockOf(tab), { signal }, () => {
        this.#guarded.delete(tab);
        for (const channel of [...this.#holders.keys()]) this.#drop(tab, channel);
      })
      .catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
  }

  #greet(): void {
    if (this.#leading || globalThis.document?.visibilityState === 'hidden') return;
    this.#post({ type: 'hello' });
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => void this.#usurp(), LEADER_TIMEOUT_MS);
  }

  #lockOf(tab: string): string {
    return `${this.#name} ${tab}`;
  }

  #post(message: Message): void {
    if (!this.#end.signal.aborted) this.#bus?.postMessage(message);
  }
}

/** The locks of this browser, if tabs can share a connection here. */
export function sharedLocks(): LockManager | undefined {
  if (typeof BroadcastChannel !== 'function') return undefined;
  return globalThis.navigator?.locks;
}
