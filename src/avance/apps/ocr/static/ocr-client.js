// Follows documents on the OCR socket: new OcrClient("wss://ocr.example.org/dev", { onDocumentUpdate, onDocumentStatus }).connect()
// A plain module without dependencies, for pages that use no other client of avance.

const OPEN = 1;
// The end of the job, not allowed, unknown: coming back would change nothing.
const FINAL_CODES = new Set([1000, 1008, 4404]);

export class OcrClient {
  /**
   * @param {string} url of the stage: wss://host/dev; a token may stand in its query
   * @param {object} [options]
   * @param {(documentId: string, status: string, ocrResult: object | undefined, frame: object) => void} [options.onDocumentUpdate]
   * @param {(documentId: string, frame: object) => void} [options.onDocumentStatus]
   * @param {(state: "connecting" | "live" | "reconnecting" | "failed" | "disconnected", attempt: number) => void} [options.onState]
   * @param {number} [options.reconnectMs]
   * @param {number} [options.attemptsMax] Infinity for no limit
   * @param {Pick<Console, "warn">} [options.log]
   */
  constructor(url, options = {}) {
    this.url = url;
    this.onDocumentUpdate = options.onDocumentUpdate ?? (() => {});
    this.onDocumentStatus = options.onDocumentStatus ?? (() => {});
    this.onState = options.onState ?? (() => {});
    this.reconnectMs = options.reconnectMs ?? 5000;
    this.attemptsMax = options.attemptsMax ?? 5;
    this.log = options.log ?? console;
    this.attempts = 0;
    this.socket = null;
    this.timer = null;
    this.wake = () => {
      if (this.socket === null && globalThis.document?.visibilityState !== "hidden") {
        this.reconnect();
      }
    };
  }

  connect() {
    globalThis.addEventListener?.("online", this.wake);
    globalThis.document?.addEventListener("visibilitychange", this.wake);
    this.#open();
  }

  /** Try again now, however often it has failed. */
  reconnect() {
    this.attempts = 0;
    clearTimeout(this.timer);
    if (this.socket === null) {
      this.#open();
    }
  }

  disconnect() {
    globalThis.removeEventListener?.("online", this.wake);
    globalThis.document?.removeEventListener("visibilitychange", this.wake);
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    socket?.close(1000);
    this.onState("disconnected", 0);
  }

  ping() {
    return this.#send({ type: "ping" });
  }

  getDocumentStatus(documentId) {
    return this.#send({ type: "get_document_status", documentId });
  }

  #open() {
    if (this.attempts === 0) {
      this.onState("connecting", 0);
    }
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onopen = () => {
      this.attempts = 0;
      this.#send({ type: "subscribe_documents" });
      this.onState("live", 0);
    };
    socket.onmessage = (event) => this.#hear(event.data);
    // What is wrong comes with the close, and browsers tell no more than that.
    socket.onerror = () => {};
    socket.onclose = (event) => {
      if (this.socket === socket) {
        this.socket = null;
        this.#closed(event.code);
      }
    };
  }

  #closed(code) {
    if (FINAL_CODES.has(code) || this.attempts >= this.attemptsMax) {
      this.onState("failed", this.attempts);
      return;
    }
    this.attempts += 1;
    this.onState("reconnecting", this.attempts);
    this.timer = setTimeout(() => this.#open(), this.reconnectMs);
  }

  /** Whether it was sent: only while the socket is open. */
  #send(frame) {
    if (this.socket?.readyState !== OPEN) {
      return false;
    }
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  #hear(text) {
    const frame = JSON.parse(text);
    switch (frame.type) {
      case "document_update":
        this.onDocumentUpdate(frame.documentId, frame.status, frame.ocrResult, frame);
        break;
      case "document_status":
        this.onDocumentStatus(frame.documentId, frame);
        break;
      case "connection_established":
      case "subscription_confirmed":
      case "pong":
        break;
      case "error":
        this.log.warn(`The OCR service says: ${frame.message}`);
        break;
      default:
        this.log.warn(`Unknown type of message: ${frame.type}`);
    }
  }
}
