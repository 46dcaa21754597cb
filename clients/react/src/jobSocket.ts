import { AvanceError, NotFound, PermissionDenied } from '@avance/client';

export interface SocketClosed {
  code: number;
  reason: string;
  /** No new connection will follow. */
  isFinal: boolean;
}

export interface JobSocketEvents<M> {
  onConnected: () => void;
  onMessage: (message: M) => void;
  onDisconnected: (closed: SocketClosed) => void;
  onError: (error: AvanceError) => void;
}

export interface JobSocketOptions {
  /** Asked before each connection, since a token in it ends. */
  url: () => Promise<string>;
  /** Before the first attempt to come back; doubled for each further one. */
  reconnectIntervalMs: number;
  heartbeatMs: number;
}

export const RECONNECT_MS_MAX = 30_000;
/** A server that does not answer the heartbeat within this is gone. */
export const PONG_MS = 10_000;
const JITTER = 0.2;
const NORMAL = 1000;
const POLICY = 1008;
const NOT_FOUND = 4404;
const NO_PONG = 4000;

/** One socket of a dialect, which ends with its job: JSON frames in, the text `ping` out. */
export class JobSocket<M> {
  readonly #options: JobSocketOptions;
  readonly #events: JobSocketEvents<M>;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #beat: ReturnType<typeof setInterval> | undefined;
  #pong: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #isClosed = false;

  constructor(options: JobSocketOptions, events: JobSocketEvents<M>) {
    this.#options = options;
    this.#events = events;
    // Strict mode mounts twice: only what outlives this moment connects.
    this.#after(0);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#rest();
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    socket.close(NORMAL);
    this.#events.onDisconnected({ code: NORMAL, reason: '', isFinal: true });
  }

  send(text: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  #after(ms: number): void {
    this.#timer = setTimeout(() => void this.#open(), ms);
  }

  async #open(): Promise<void> {
    let url: string;
    try {
      url = await this.#options.url();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#events.onError(new AvanceError('no_address', message, { cause: error }));
      if (!this.#isClosed) this.#again();
      return;
    }
    if (this.#isClosed) return;
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.onopen = () => this.#opened();
    socket.onmessage = ({ data }) => this.#received(data);
    socket.onclose = ({ code, reason }) => {
      if (this.#socket === socket) this.#lost(code, reason);
    };
  }

  #opened(): void {
    this.#events.onConnected();
    this.#beat = setInterval(() => {
      this.send('ping');
      this.#pong ??= setTimeout(() => this.#silent(), PONG_MS);
    }, this.#options.heartbeatMs);
  }

  #received(data: unknown): void {
    this.#failures = 0;
    clearTimeout(this.#pong);
    this.#pong = undefined;
    let message: M;
    try {
      message = JSON.parse(String(data)) as M;
    } catch (error) {
      const text = `a frame is not JSON: ${String(data).slice(0, 80)}`;
      this.#events.onError(new AvanceError('invalid_frame', text, { cause: error }));
      return;
    }
    this.#events.onMessage(message);
  }

  // A socket whose other end is gone may take minutes to close, so it is left to itself.
  #silent(): void {
    this.#socket?.close(NO_PONG);
    this.#lost(NO_PONG, 'no pong');
  }

  #lost(code: number, reason: string): void {
    this.#socket = undefined;
    this.#rest();
    const isFinal = code === NORMAL || code === POLICY || code === NOT_FOUND;
    this.#events.onDisconnected({ code, reason, isFinal });
    if (code === POLICY) {
      this.#events.onError(new PermissionDenied('permission_denied', reason || 'not allowed'));
    } else if (code === NOT_FOUND) {
      this.#events.onError(new NotFound('job_not_found', reason || 'there is no such job'));
    } else if (!isFinal && !this.#isClosed) {
      this.#again();
    }
  }

  #again(): void {
    const { reconnectIntervalMs } = this.#options;
    const grown = Math.min(reconnectIntervalMs * 2 ** this.#failures, RECONNECT_MS_MAX);
    this.#failures += 1;
    // Browsers that lost the same server must not come back in the same instant.
    this.#after(grown * (1 - JITTER * Math.random()));
  }

  #rest(): void {
    clearInterval(this.#beat);
    clearTimeout(this.#pong);
    this.#pong = undefined;
  }
}
