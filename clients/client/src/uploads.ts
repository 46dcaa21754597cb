import type { AvanceClient } from './client.ts';
import { openDialectSocket } from './dialectSocket.ts';
import { AvanceError, ConnectionFailed } from './errors.ts';

export interface UploadDocument {
  content: string;
  source: string;
  metadata?: Record<string, unknown>;
}

export interface UploadStart {
  collection_name?: string;
  documents: readonly UploadDocument[];
  force_recreate?: boolean;
}

export interface UploadStarted {
  upload_id: string;
  status: string;
  message: string;
  timestamp: number;
}

/** A frame of the socket of one upload. */
export interface UploadProgress {
  upload_id: string;
  status: string;
  progress_percent: number;
  current_chunk: number;
  total_chunks: number;
  message: string;
  timestamp: string;
  error?: string;
}

export interface FollowOptions {
  onProgress?: (progress: UploadProgress) => void;
  signal?: AbortSignal;
}

export interface Uploads {
  /** Bring documents; they are worked on in the background. */
  startUpload: (start: UploadStart, options?: { signal?: AbortSignal }) => Promise<UploadStarted>;
  /** Gives the last frame of an upload that completed, however long it takes; throws for one that failed. */
  follow: (uploadId: string, options?: FollowOptions) => Promise<UploadProgress>;
}

/** A server that has not answered a start by then never will. */
export const START_TIMEOUT_MS = 300_000;
const RECONNECT_MS_MIN = 1_000;
const RECONNECT_MS_MAX = 30_000;

/** Start uploads of texts, and follow them on the socket of that system. */
export function createUploads(client: AvanceClient): Uploads {
  async function address(uploadId: string): Promise<string> {
    const token = await client.token();
    const query = token === undefined ? '' : `?token=${encodeURIComponent(token)}`;
    return `${client.url.replace(/^http/, 'ws')}/ws/${encodeURIComponent(uploadId)}${query}`;
  }

  return {
    async startUpload(start, { signal } = {}) {
      const abort = new AbortController();
      const end = (): void => abort.abort(signal?.reason);
      const late = new ConnectionFailed('timeout', 'the server did not answer within 300 s');
      const timer = setTimeout(() => abort.abort(late), START_TIMEOUT_MS);
      signal?.addEventListener('abort', end);
      try {
        signal?.throwIfAborted();
        const call = { method: 'POST', body: start, signal: abort.signal } as const;
        return await client.api.request<UploadStarted>('/upload', call);
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
      }
    },
    follow(uploadId, { onProgress, signal } = {}) {
      return new Promise((resolve, reject) => {
        let last: UploadProgress | undefined;
        const end = (settle: () => void): void => {
          signal?.removeEventListener('abort', abort);
          socket.close();
          settle();
        };
        const abort = (): void => end(() => reject(signal?.reason));
        const socket = openDialectSocket({
          address: () => address(uploadId),
          waitMs: (failures) => Math.min(RECONNECT_MS_MIN * 2 ** failures, RECONNECT_MS_MAX),
          onFrame(frame) {
            const progress = frame as UploadProgress;
            // After a reconnect the course is told again from its beginning; a bar does not go back.
            if (last && progress.progress_percent < last.progress_percent) return;
            last = progress;
            onProgress?.(progress);
            if (progress.status === 'completed') end(() => resolve(progress));
            if (progress.status === 'failed') {
              const why = progress.error ?? progress.message;
              end(() => reject(new AvanceError('upload_failed', why)));
            }
          },
          onEnd({ code, reason }) {
            const words = reason || `the server closed the socket with ${code}`;
            end(() => reject(new AvanceError('upload_refused', words, { status: 0 })));
          },
        });
        signal?.addEventListener('abort', abort);
        if (signal?.aborted) abort();
      });
    },
  };
}
