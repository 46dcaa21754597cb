import type { AvanceClient, AvanceError } from '@avance/client';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useOptionalAvance } from './context.tsx';
import { JobSocket, type JobSocketEvents, type SocketClosed } from './jobSocket.ts';
import { useLatest } from './useSource.ts';

export interface UseWebSocketOptions<M> {
  /** It connects as soon as there is one. */
  jobId: string | null | undefined;
  /** Of the socket; default: `/ws/jobs/<jobId>` of the provider's server, with its token. */
  url?: string | ((jobId: string) => string | Promise<string>);
  reconnectIntervalMs?: number;
  heartbeatMs?: number;
  onConnected?: () => void;
  onMessage?: (message: M) => void;
  onDisconnected?: (closed: SocketClosed) => void;
  /** A refusal, or a frame that cannot be read. */
  onError?: (error: AvanceError) => void;
  /** Hears of the connection and of each frame, such as `console.log`. */
  log?: (...words: unknown[]) => void;
}

export type SocketStatus = 'idle' | 'connecting' | 'open' | 'waiting' | 'closed';

export interface UseWebSocket {
  status: SocketStatus;
  isConnected: boolean;
  send: (text: string) => void;
}

const RECONNECT_INTERVAL_MS = 1_000;
const HEARTBEAT_MS = 30_000;

/**
 * Follow one job over a dialect's own socket. It comes back by itself, except after 1000, 1008 and
 * 4404, and after the component has gone.
 */
export function useWebSocket<M = unknown>(options: UseWebSocketOptions<M>): UseWebSocket {
  const {
    jobId,
    reconnectIntervalMs = RECONNECT_INTERVAL_MS,
    heartbeatMs = HEARTBEAT_MS,
  } = options;
  const client = useOptionalAvance();
  const latest = useLatest(options);
  const socket = useRef<JobSocket<M> | undefined>(undefined);
  const [status, setStatus] = useState<SocketStatus>('idle');
  const address = typeof options.url === 'string' ? options.url : undefined;

  useEffect(() => {
    if (!jobId) return undefined;
    const events: JobSocketEvents<M> = {
      onConnected: () => {
        setStatus('open');
        latest.current.log?.(`WebSocket connected for job ${jobId}`);
        latest.current.onConnected?.();
      },
      onMessage: (message) => {
        latest.current.log?.(message);
        latest.current.onMessage?.(message);
      },
      onDisconnected: (closed) => {
        setStatus(closed.isFinal ? 'closed' : 'waiting');
        latest.current.log?.(`WebSocket disconnected for job ${jobId}`);
        latest.current.onDisconnected?.(closed);
      },
      onError: (error) => latest.current.onError?.(error),
    };
    const url = async (): Promise<string> => {
      const given = address ?? latest.current.url;
      if (typeof given === 'string') return given;
      return given === undefined ? ownAddress(client, jobId) : given(jobId);
    };
    setStatus('connecting');
    const opened = new JobSocket({ url, reconnectIntervalMs, heartbeatMs }, events);
    socket.current = opened;
    return () => {
      opened.close();
      socket.current = undefined;
      setStatus('idle');
    };
  }, [client, jobId, address, reconnectIntervalMs, heartbeatMs, latest]);

  const send = useCallback((text: string) => socket.current?.send(text), []);
  return { status, isConnected: status === 'open', send };
}

async function ownAddress(client: AvanceClient | undefined, jobId: string): Promise<string> {
  if (client === undefined) {
    throw new Error('useWebSocket has neither a url nor an <AvanceProvider> around it');
  }
  const token = await client.token();
  const query = token === undefined ? '' : `?token=${encodeURIComponent(token)}`;
  return `${client.url.replace(/^http/, 'ws')}/ws/jobs/${encodeURIComponent(jobId)}${query}`;
}
