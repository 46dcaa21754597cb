import { Centrifuge, type Options, type TransportEndpoint, UnauthorizedError } from 'centrifuge';
import type { Api } from './api.ts';
import { AvanceError, NotFound } from './errors.ts';
import { type Access, connectionIn, type Link, type Sink, type StreamPosition } from './link.ts';
import { type Tokens, userOf } from './tokens.ts';

export type Transport = 'auto' | 'ws' | 'http_stream' | 'sse';

export interface SocketOptions {
  /** The server, without a slash at the end. */
  base: string;
  transport: Transport;
  tokens: Tokens;
  /** Another token for one channel, when the one of its handle has ended. */
  renew: ((channel: string) => Promise<string>) | undefined;
  /** Passed on to centrifuge; Node 20 has no WebSocket of its own. */
  centrifuge: Partial<Options>;
  /** How far this page has come in a channel. */
  position: (channel: string) => StreamPosition | undefined;
  /** Reads over plain HTTP while no socket can be had. */
  api: Api;
}

const RECONNECT_MS_MIN = 500;
const RECONNECT_MS_MAX = 20_000;
/** So many failed attempts, each over all transports, before plain HTTP is tried beside them. */
const FAILURES_BEFORE_POLLING = 3;
const PERMISSION_DENIED = 103;
const UNAUTHORIZED_CODES: readonly number[] = [1, 3500, 3501];

/** One connection over the stock client, which reconnects, recovers and falls back by itself. */
export function openSocket(options: SocketOptions, sink: Sink): Link {
  const { base, transport, tokens, renew, position, api } = options;
  const wanted = new Map<string, Access>();
  let centrifuge: Centrifuge | undefined;
  /** The channel whose token the whole connection lives on, where the page has none of its own. */
  let lender: string | undefined;
  let polling: AbortController | undefined;
  let wasLive = false;
  let failures = 0;

  function open(): void {
    close();
    const opened = new Centrifuge(endpointsOf(base, transport), config());
    centrifuge = opened;
    opened.on('connecting', ({ code, reason }) => {
      if (!polling)
        sink.connection(connectionIn(wasLive ? 'recovering' : 'connecting', code, reason));
    });
    opened.on('connected', () => {
      wasLive = true;
      failures = 0;
      stopPolling();
      sink.connection(connectionIn('live'));
    });
    opened.on('disconnected', ({ code, reason }) => {
      // Code 0 is our own.
      if (!code || (UNAUTHORIZED_CODES.includes(code) && borrow())) return;
      stopPolling();
      sink.connection(connectionIn('offline', code, reason, true));
    });
    opened.on('error', () => {
      failures += 1;
      if (transport !== 'auto' || polling || failures < FAILURES_BEFORE_POLLING) return;
      // The file may be out of reach as well; the next failure asks again.
      startPolling().catch(stopPolling);
    });
    for (const [channel, access] of wanted) subscribe(opened, channel, access);
    opened.connect();
  }

  function subscribe(opened: Centrifuge, channel: string, { token, since }: Access): void {
    remove(channel);
    // The server drops a connection that brings a token of another user, so a token goes along
    // only where the connection lives on one of the same user.
    const lent = lender === undefined || lender === channel ? undefined : wanted.get(lender)?.token;
    const isOurs = token && lent && userOf(token) === userOf(lent);
    const from = position(channel) ?? since;
    const subscription = opened.newSubscription(channel, {
      ...(from ? { since: from } : {}),
      ...(isOurs ? { token } : {}),
      ...(isOurs && renew ? { getToken: () => renew(channel) } : {}),
    });
    subscription.on('subscribed', ({ streamPosition, recovered }) =>
      sink.subscribed(channel, streamPosition?.epoch ?? '', recovered),
    );
    subscription.on('publication', ({ data }) => sink.publication(channel, data));
    subscription.on('unsubscribed', ({ code, reason }) => {
      // Code 0 is our own.
      if (code) sink.refused(channel, refusal(channel, code, reason));
    });
    subscription.subscribe();
  }

  function remove(channel: string): void {
    const subscription = centrifuge?.getSubscription(channel);
    if (subscription) centrifuge?.removeSubscription(subscription);
  }

  function config(): Partial<Options> {
    const made: Partial<Options> = {
      minReconnectDelay: RECONNECT_MS_MIN,
      maxReconnectDelay: RECONNECT_MS_MAX,
      emulationEndpoint: `${base}/emulation`,
      ...options.centrifuge,
    };
    const lending = lender;
    if (lending !== undefined) {
      made.token = wanted.get(lending)?.token ?? '';
      if (renew) made.getToken = () => renew(lending);
    } else if (tokens.isGiven) {
      let isFirst = true;
      made.getToken = async () => {
        // Asked again, the client needs another one than it had.
        if (!isFirst && !tokens.isRenewable) throw new UnauthorizedError('the token has ended');
        const token = await (isFirst ? tokens.current() : tokens.renew());
        isFirst = false;
        return token ?? '';
      };
    }
    return made;
  }

  // A page without a token of its user may still follow by the token of a handle.
  function borrow(): boolean {
    if (tokens.isGiven) return false;
    const lenders = [...wanted].flatMap(([channel, { token }]) => (token ? [channel] : []));
    const next = lenders[lenders.indexOf(lender ?? '') + 1];
    if (next === undefined) return false;
    lender = next;
    open();
    return true;
  }

  // Few pages ever need it, so it comes when it is needed.
  async function startPolling(): Promise<void> {
    polling = new AbortController();
    const { signal } = polling;
    const { poll } = await import('./poller.ts');
    const onAnswer = (): void => {
      // Its next attempt may be many seconds away.
      centrifuge?.disconnect();
      centrifuge?.connect();
    };
    await poll({ api, sink, signal, position, channels: () => wanted, onAnswer });
  }

  function stopPolling(): void {
    polling?.abort();
    polling = undefined;
  }

  function close(): void {
    stopPolling();
    const closing = centrifuge;
    centrifuge = undefined;
    failures = 0;
    closing?.removeAllListeners();
    closing?.disconnect();
  }

  return {
    watch(channel, access) {
      wanted.set(channel, access);
      if (centrifuge) subscribe(centrifuge, channel, access);
      else open();
    },
    unwatch(channel) {
      wanted.delete(channel);
      remove(channel);
    },
    reconnect() {
      lender = undefined;
      if (centrifuge) open();
    },
    close,
  };
}

function endpointsOf(base: string, transport: Transport): TransportEndpoint[] {
  const endpoints: TransportEndpoint[] = [
    { transport: 'websocket', endpoint: `${base.replace(/^http/, 'ws')}/connection/websocket` },
    { transport: 'http_stream', endpoint: `${base}/connection/http_stream` },
    { transport: 'sse', endpoint: `${base}/connection/sse` },
  ];
  const name = transport === 'ws' ? 'websocket' : transport;
  return transport === 'auto' ? endpoints : endpoints.filter((one) => one.transport === name);
}

function refusal(channel: string, code: number, reason: string): AvanceError {
  if (code === PERMISSION_DENIED) {
    const text = `${channel} is not there, or not for this user`;
    return new NotFound('job_not_found', text, { status: 404 });
  }
  return new AvanceError(`protocol_${code}`, `${channel} cannot be followed: ${reason} (${code})`);
}
