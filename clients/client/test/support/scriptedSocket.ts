/** A WebSocket whose other end is the test. */
export class ScriptedSocket {
  static readonly OPEN = 1;
  static opened: ScriptedSocket[] = [];
  static isUp = true;
  readyState = 0;
  readonly url: string;
  readonly sent: unknown[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  constructor(url: string) {
    this.url = url;
    ScriptedSocket.opened.push(this);
    queueMicrotask(() => {
      if (!ScriptedSocket.isUp) this.end(1006);
      else {
        this.readyState = 1;
        this.onopen?.();
      }
    });
  }

  static reset(): void {
    ScriptedSocket.opened = [];
    ScriptedSocket.isUp = true;
  }

  static get last(): ScriptedSocket {
    const socket = ScriptedSocket.opened.at(-1);
    if (socket === undefined) throw new Error('nothing was opened');
    return socket;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  tell(frame: unknown): void {
    this.onmessage?.({ data: typeof frame === 'string' ? frame : JSON.stringify(frame) });
  }

  end(code: number, reason = ''): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  close(): void {
    this.readyState = 3;
  }
}
