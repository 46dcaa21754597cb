export interface DialectSocketOptions {
  /** Asked before each connection, since a token in it ends. */
  address: () => Promise<string>;
  /** How long to wait before the next attempt, after so many that failed; undefined gives up. */
  waitMs: (failures: number) => number | undefined;
  onOpen?: () => void;
  onFrame: (frame: unknown) => void;
  /** No further attempt follows. */
  onEnd: (closed: { code: number; reason: string }) => void;
}

export interface DialectSocket {
  readonly isOpen: boolean;
  /** Whether it went out: only an open socket takes frames. */
  send: (frame: object) => boolean;
  close: () => void;
}

/** The end of a job, not allowed, not there: coming back would change nothing. */
const FINAL_CODES: readonly number[] = [1000, 1008, 4404];
const LOST = 1006;

/** A socket that speaks JSON and comes back by itself. */
export function openDialectSocket(options: DialectSocketOptions): DialectSocket {
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let isClosed = false;

  async function connect(): Promise<void> {
    let address: string;
    try {
      address = await options.address();
    } catch (error) {
      lost(LOST, error instanceof Error ? error.message : String(error));
      return;
    }
    if (isClosed) return;
    const opened = new WebSocket(address);
    socket = opened;
    opened.onopen = () => {
      failures = 0;
      options.onOpen?.();
    };
    opened.onmessage = ({ data }) => options.onFrame(parsed(data));
    opened.onclose = ({ code, reason }) => {
      if (socket === opened) lost(code, reason);
    };
  }

  function lost(code: number, reason: string): void {
    socket = undefined;
    if (isClosed) return;
    const ms = FINAL_CODES.includes(code) ? undefined : options.waitMs(failures);
    failures += 1;
    if (ms === undefined) options.onEnd({ code, reason });
    else timer = setTimeout(() => void connect(), ms);
  }

  function isOpen(): boolean {
    return socket?.readyState === WebSocket.OPEN;
  }

  void connect();
  return {
    get isOpen() {
      return isOpen();
    },
    send(frame) {
      if (!isOpen()) return false;
      socket?.send(JSON.stringify(frame));
      return true;
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      const closing = socket;
      socket = undefined;
      closing?.close(1000);
    },
  };
}

// What is no JSON is passed on as it came, for whoever logs what they do not know.
function parsed(data: unknown): unknown {
  try {
    return JSON.parse(String(data));
  } catch (error) {
    if (error instanceof SyntaxError) return data;
    throw error;
  }
}
