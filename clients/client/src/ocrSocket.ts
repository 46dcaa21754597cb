import { openDialectSocket } from './dialectSocket.ts';

export interface DocumentUpdate {
  type: 'document_update';
  documentId: string;
  status: 'pending' | 'processing' | 'completed' | 'failed';
  ocrResult?: {
    success: boolean;
    confidence: number;
    extractedText: string;
    fields: Record<string, unknown>;
  };
  error?: string;
  timestamp: string;
}

export interface DocumentStatus extends Omit<DocumentUpdate, 'type' | 'status'> {
  type: 'document_status';
  message: string;
  status?: DocumentUpdate['status'];
}

export interface OcrSocketOptions {
  /** Of the socket, such as `wss://example.org/dev`; a function is asked before each connection. */
  url: string | (() => string | Promise<string>);
  onDocumentUpdate?: (update: DocumentUpdate) => void;
  onDocumentStatus?: (status: DocumentStatus) => void;
  /** The server refused, or did not come back in time. */
  onDisconnected?: (closed: { code: number; reason: string }) => void;
  /** Hears of frames that this client does not know; default: the console. */
  log?: (...words: unknown[]) => void;
}

export interface OcrSocket {
  readonly isOpen: boolean;
  /** These go out only while the socket is open, and tell whether they did. */
  getDocumentStatus: (documentId: string) => boolean;
  ping: () => boolean;
  /** For good. */
  disconnect: () => void;
}

export const RECONNECT_MS = 5_000;
export const ATTEMPTS_MAX = 5;
/** Answers that nobody has to do anything about. */
const QUIET: readonly unknown[] = ['connection_established', 'subscription_confirmed', 'pong'];

/** Hear what happens to documents in character recognition, on the socket of that system. */
export function openOcrSocket(options: OcrSocketOptions): OcrSocket {
  // biome-ignore lint/suspicious/noConsole: what is not known is to be seen
  const { url, log = console.warn } = options;
  const socket = openDialectSocket({
    address: async () => (typeof url === 'string' ? url : url()),
    waitMs: (failures) => (failures < ATTEMPTS_MAX ? RECONNECT_MS : undefined),
    onOpen: () => socket.send({ type: 'subscribe_documents' }),
    onFrame: take,
    onEnd: (closed) => options.onDisconnected?.(closed),
  });

  function take(frame: unknown): void {
    const { type } = (frame ?? {}) as { type?: unknown };
    if (type === 'document_update') options.onDocumentUpdate?.(frame as DocumentUpdate);
    else if (type === 'document_status') options.onDocumentStatus?.(frame as DocumentStatus);
    else if (!QUIET.includes(type)) log('unknown frame', frame);
  }

  return {
    get isOpen() {
      return socket.isOpen;
    },
    getDocumentStatus: (documentId) => socket.send({ type: 'get_document_status', documentId }),
    ping: () => socket.send({ type: 'ping' }),
    disconnect: socket.close,
  };
}
