// One tab of the browser leads: it holds the lock and the connection, and repeats what comes to the
// others over a BroadcastChannel. When it goes, the lock passes on and the next one asks all others
// what they watch and how far they are, so nothing is lost in between.

import { type AvanceError, asAvanceError, errorOfProblem } from './errors.ts';
import { type Access, CONNECTING, type Link, type Sink, type StreamPosition } from './link.ts';
import { afterLock, hold } from './lock.ts';
import { assertNever } from './model.ts';
import type { JobEntry } from './reduce.ts';

/** A leader that does not answer a tab in front within this time is frozen, and is replaced. */
export const LEADER_TIMEOUT_MS = 3_000;
/** Between attempts to learn who the user is, which tells which tabs belong together. */
const RETRY_MS = 5_000;

/** A call of a sink, as it goes to the other tabs. */
type Told = { [Name in keyof Sink]: [Name, ...Parameters<Sink[Name]>] }[keyof Sink];

type Message =
  | { type: 'watch'; tab: string; channel: string; access: Access }
  | { type: 'unwatch'; tab: string; channel: string }
  | { type: 'hello' }
  | { type: 'lead' }
  | { type: 'reconnect' }
  | { type: 'told'; told: Told }
  | { type: 'state'; tab: string; channel: string; state: JobEntry };

export interface SharedOptions {
  /** The same for the tabs that may share: server and user. */
  name: () => Promise<string>;
  locks: LockManager;
  /** Make the connection of a leader. */
  open: (sink: Sink) => Link;
  /** How far this tab has come in a channel. */
  position: (channel: string) => StreamPosition | undefined;
  /** What this tab knows of a channel, for one that comes later. */
  known: (channel: string) => JobEntry | undefined;
  adopt: (channel: string, state: JobEntry) => void;
}

/** A link that is one for all tabs. */
export function shareLink(options: SharedOptions, sink: Sink): Link {
  const { locks, position } = options;
  const own = crypto.randomUUID();
  const end = new AbortController();
  const { signal } = end;
  const wanted = new Map<string, Access>();
  /** As leader: which tabs want a channel. */
  const holders = new Map<string, Set<string>>();
  const guarded = new Set<string>();
  let name = '';
  let bus: BroadcastChannel | undefined;
  let leading: Link | undefined;
  let state = CONNECTING;
  let silence: ReturnType<typeof setTimeout> | undefined;

  async function start(): Promise<void> {
    try {
      name = await options.name();
    } catch (error) {
      sink.connection({ ...CONNECTING, reason: asAvanceError(error).message });
      silence = setTimeout(start, RETRY_MS);
      return;
    }
    // Held as long as this tab lives, so that a leader notices when it is gone; before it is held, it would look gone.
    void hold(locks, lockOf(own), signal, join);
  }

  function join(): void {
    if (signal.aborted) return;
    bus = new BroadcastChannel(name);
    bus.onmessage = ({ data }: MessageEvent<Message>) => receive(data);
    void queue();
    globalThis.document?.addEventListener('visibilitychange', greet, { signal });
    repeat();
    greet();
  }

  async function queue(): Promise<void> {
    while (!signal.aborted) await hold(locks, name, signal, lead).finally(resign);
  }

  function lead(): void {
    clearTimeout(silence);
    leading = options.open({
      subscribed: (...told) => tell('subscribed', ...told),
      publication: (...told) => tell('publication', ...told),
      refused: (channel, { code, message, status }) =>
        // The class of an error does not survive the way between tabs; what it says does.
        tell('refused', channel, { code, message, status } as AvanceError),
      connection: (told) => {
        // A tab that takes over connects anew, but to those who look it is the same connection.
        const isAgain = told.status === 'connecting' && state.status !== 'connecting';
        tell('connection', isAgain ? { ...told, status: 'recovering' } : told);
      },
    });
    repeat();
    post({ type: 'lead' });
  }

  // The link was closed, or another tab took the lock because this one was frozen.
  function resign(): void {
    leading?.close();
    leading = undefined;
    holders.clear();
    guarded.clear();
    repeat();
  }

  function tell(...told: Told): void {
    pass(told);
    post({ type: 'told', told });
  }

  function pass(told: Told): void {
    switch (told[0]) {
      case 'subscribed':
        sink.subscribed(told[1], told[2], told[3]);
        return;
      case 'publication':
        sink.publication(told[1], told[2]);
        return;
      case 'refused': {
        const { code, message: detail, status } = told[2];
        sink.refused(told[1], errorOfProblem({ code, detail }, status));
        return;
      }
      case 'connection':
        state = told[1];
        sink.connection(state);
        return;
      default:
        assertNever(told);
    }
  }

  function receive(message: Message): void {
    switch (message.type) {
      case 'watch':
        if (leading) take(message.tab, message.channel, message.access);
        return;
      case 'unwatch':
        if (leading) drop(message.tab, message.channel);
        return;
      case 'hello':
        if (leading) tell('connection', state);
        return;
      case 'reconnect':
        leading?.reconnect();
        return;
      case 'lead':
        clearTimeout(silence);
        repeat();
        return;
      case 'told':
        clearTimeout(silence);
        if (message.told[0] === 'connection' || wanted.has(message.told[1])) pass(message.told);
        return;
      case 'state':
        if (message.tab === own) options.adopt(message.channel, message.state);
        return;
      default:
        assertNever(message);
    }
  }

  function repeat(): void {
    for (const [channel, access] of wanted) ask(channel, access);
  }

  function ask(channel: string, access: Access): void {
    if (leading) take(own, channel, access);
    else {
      const since = position(channel);
      post({ type: 'watch', tab: own, channel, access: { ...access, since } });
    }
  }

  function take(tab: string, channel: string, access: Access): void {
    const tabs = holders.get(channel);
    if (tabs) tabs.add(tab);
    else {
      holders.set(channel, new Set([tab]));
      leading?.watch(channel, access);
    }
    if (tab === own) return;
    guard(tab);
    const known = options.known(channel);
    if (known) post({ type: 'state', tab, channel, state: known });
  }

  function drop(tab: string, channel: string): void {
    const tabs = holders.get(channel);
    if (!tabs?.delete(tab) || tabs.size > 0) return;
    holders.delete(channel);
    leading?.unwatch(channel);
  }

  function guard(tab: string): void {
    if (guarded.has(tab)) return;
    guarded.add(tab);
    afterLock(locks, lockOf(tab), signal, () => {
      guarded.delete(tab);
      for (const channel of [...holders.keys()]) drop(tab, channel);
    });
  }

  function greet(): void {
    if (leading) return;
    post({ type: 'hello' });
    clearTimeout(silence);
    if (globalThis.document?.visibilityState === 'hidden') return;
    silence = setTimeout(
      () => void hold(locks, name, signal, lead, true).finally(resign),
      LEADER_TIMEOUT_MS,
    );
  }

  function lockOf(tab: string): string {
    return `${name} ${tab}`;
  }

  function post(message: Message): void {
    if (!signal.aborted) bus?.postMessage(message);
  }

  void start();
  return {
    watch(channel, access) {
      wanted.set(channel, access);
      ask(channel, access);
    },
    unwatch(channel) {
      wanted.delete(channel);
      if (leading) drop(own, channel);
      else post({ type: 'unwatch', tab: own, channel });
    },
    reconnect() {
      if (leading) leading.reconnect();
      else post({ type: 'reconnect' });
    },
    close() {
      clearTimeout(silence);
      end.abort();
      resign();
      bus?.close();
    },
  };
}
