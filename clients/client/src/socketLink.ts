import {
  Centrifuge,
  type Options,
  type Subscription,
  type TransportEndpoint,
  UnauthorizedError,
} from 'centrifuge';
import type { Api } from './api.ts';
import { AvanceError, NotFound } from './errors.ts';
import type { Access, ConnectionStatus, Link, Sink, StreamPosition } from './link.ts';
import { Poller } from './poller.ts';
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
export class SocketLink implements Link {
  readonly #options: SocketOptions;
  readonly #sink: Sink;
  readonly #wanted = new Map<string, Access>();
  #centrifuge: Centrifuge | undefined;
  /** The channel whose token the whole connection lives on, where the page has none of its own. */
  #lender: string | undefined;
  readonly #poller: Poller;
  #wasLive = false;
  #failures = 0;

  constructor(options: SocketOptions, sink: Sink) {
    this.#options = options;
    this.#sink = sink;
    const { api, position } = options;
    const channels = (): Iterable<readonly [string, Access]> => this.#wanted;
    const onAnswer = (): void => {
      // Its next attempt may be many seconds away.
      this.#centrifuge?.disconnect();
      this.#centrifuge?.connect();
    };
    this.#poller = new Poller({ api, position, channels, onAnswer }, sink);
  }

  watch(channel: string, access: Access): void {
    this.#wanted.set(channel, access);
    if (this.#centrifuge === undefined) this.#open();
    else this.#subscribe(this.#centrifuge, channel, access);
  }

  unwatch(channel: string): void {
    this.#wanted.delete(channel);
    const subscription = this.#centrifuge?.getSubscription(channel);
    if (subscription) this.#centrifuge?.removeSubscription(subscription);
  }

  reconnect(): void {
    if (this.#centrifuge === undefined) return;
    this.#lender = undefined;
    this.#open();
  }

  close(): void {
    this.#poller.stop();
    const centrifuge = this.#centrifuge;
    this.#centrifuge = undefined;
    centrifuge?.removeAllListeners();
    centrifuge?.disconnect();
  }

  #open(): void {
    this.close();
    const centrifuge = new Centrifuge(this.#endpoints(), this.#config());
    this.#centrifuge = centrifuge;
    centrifuge.on('connecting', ({ code, reason }) => this.#connecting(code, reason));
    centrifuge.on('connected', () => this.#connected());
    centrifuge.on('disconnected', ({ code, reason }) => this.#disconnected(code, reason));
    centrifuge.on('error', () => this.#failed());
    for (const [channel, access] of this.#wanted) this.#subscribe(centrifuge, channel, access);
    centrifuge.connect();
  }

  #subscribe(centrifuge: Centrifuge, channel: string, access: Access): void {
    const existing = centrifuge.getSubscription(channel);
    if (existing) centrifuge.removeSubscription(existing);
    const { renew } = this.#options;
    const { token } = access;
    const since = this.#options.position(channel) ?? access.since;
    // The server drops a connection that brings a token of another user, so a token goes along
    // only where the connection lives on one of the same user.
    const isLent = this.#lender !== undefined && this.#lender !== channel;
    const lender = this.#wanted.get(this.#lender ?? '')?.token;
    const isOurs = isLent && token !== undefined && userOf(token) === userOf(lender);
    const subscription = centrifuge.newSubscription(channel, {
      ...(since === undefined ? {} : { since }),
      ...(isOurs ? { token } : {}),
      ...(isOurs && renew ? { getToken: () => renew(channel) } : {}),
    });
    subscription.on('subscribed', ({ streamPosition, recovered }) =>
      this.#sink.subscribed(channel, streamPosition?.epoch ?? '', recovered),
    );
    subscription.on('publication', ({ data }) => this.#sink.publication(channel, data));
    subscription.on('unsubscribed', ({ code, reason }) => {
      // Code 0 is our own unsubscribe.
      if (code !== 0) this.#refused(subscription, code, reason);
    });
    subscription.subscribe();
  }

  #refused(subscription: Subscription, code: number, reason: string): void {
    const { channel } = subscription;
    const error =
      code === PERMISSION_DENIED
        ? new NotFound('job_not_found', `${channel} is not there, or not for this user`)
        : new AvanceError(`protocol_${code}`, `${channel} cannot be followed: ${reason} (${code})`);
    this.#sink.refused(channel, error);
  }

  #config(): Partial<Options> {
    const { tokens, base, centrifuge, renew } = this.#options;
    const lender = this.#lender;
    const config: Partial<Options> = {
      minReconnectDelay: RECONNECT_MS_MIN,
      maxReconnectDelay: RECONNECT_MS_MAX,
      emulationEndpoint: `${base}/emulation`,
      ...centrifuge,
    };
    if (lender !== undefined) {
      config.token = this.#wanted.get(lender)?.token ?? '';
      if (renew) config.getToken = () => renew(lender);
    } else if (tokens.isGiven) {
      let isFirst = true;
      config.getToken = async () => {
        // Asked again, the client needs another one than it had.
        const token = await (isFirst ? tokens.current() : this.#another());
        isFirst = false;
        return token ?? '';
      };
    }
    return config;
  }

  async #another(): Promise<string | undefined> {
    const { tokens } = this.#options;
    if (tokens.isRenewable) return tokens.renew();
    throw new UnauthorizedError('the token has ended and there is no function to fetch another');
  }

  #endpoints(): TransportEndpoint[] {
    const { base, transport } = this.#options;
    const endpoints: TransportEndpoint[] = [
      { transport: 'websocket', endpoint: `${base.replace(/^http/, 'ws')}/connection/websocket` },
      { transport: 'http_stream', endpoint: `${base}/connection/http_stream` },
      { transport: 'sse', endpoint: `${base}/connection/sse` },
    ];
    if (transport === 'auto') return endpoints;
    const name = transport === 'ws' ? 'websocket' : transport;
    return endpoints.filter((one) => one.transport === name);
  }

  #connecting(code: number, reason: string): void {
    if (!this.#poller.isActive) {
      this.#tell(this.#wasLive ? 'recovering' : 'connecting', code, reason);
    }
  }

  #failed(): void {
    this.#failures += 1;
    const isAuto = this.#options.transport === 'auto';
    if (isAuto && this.#failures >= FAILURES_BEFORE_POLLING) this.#poller.start();
  }

  #connected(): void {
    this.#wasLive = true;
    this.#failures = 0;
    this.#poller.stop();
    this.#tell('live');
  }

  #disconnected(code: number, reason: string): void {
    // Code 0 is our own.
    if (code === 0) return;
    if (UNAUTHORIZED_CODES.includes(code) && this.#borrow()) return;
    this.#poller.stop();
    this.#tell('offline', code, reason, true);
  }

  // A page without a token of its user may still follow by the token of a handle.
  #borrow(): boolean {
    if (this.#options.tokens.isGiven) return false;
    const lenders = [...this.#wanted].filter(([, access]) => access.token !== undefined);
    const next = lenders.findIndex(([channel]) => channel === this.#lender) + 1;
    const lender = lenders[next]?.[0];
    if (lender === undefined) return false;
    this.#lender = lender;
    this.#open();
    return true;
  }

  #tell(status: ConnectionStatus, code?: number, reason?: string, isTerminal = false): void {
    this.#sink.connection({ status, code, reason, isTerminal });
  }
}
