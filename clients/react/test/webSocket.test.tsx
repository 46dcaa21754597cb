import { createAvance } from '@avance/client';
import { act, cleanup, renderHook } from '@testing-library/react';
import { StrictMode } from 'react';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AvanceProvider, useWebSocket } from '../src/index.ts';
import { PONG_MS, RECONNECT_MS_MAX } from '../src/jobSocket.ts';
import { pass } from './support.tsx';

/** The socket of a dialect, scripted by the test. */
class ScriptedSocket {
  static readonly OPEN = 1;
  static opened: ScriptedSocket[] = [];
  static at: number[] = [];
  static isUp = true;
  readyState = 0;
  readonly sent: string[] = [];
  readonly url: string;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  constructor(url: string) {
    this.url = url;
    ScriptedSocket.opened.push(this);
    ScriptedSocket.at.push(Date.now());
    queueMicrotask(() => {
      if (!ScriptedSocket.isUp) this.end(1006);
      else {
        this.readyState = 1;
        this.onopen?.();
      }
    });
  }

  send(text: string): void {
    this.sent.push(text);
  }

  tell(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  end(code: number, reason = ''): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  close(): void {
    this.readyState = 3;
  }
}

const url = 'ws://server.test/ws/jobs/j1';

function last(): ScriptedSocket {
  const socket = ScriptedSocket.opened.at(-1);
  if (socket === undefined) throw new Error('nothing was opened');
  return socket;
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', ScriptedSocket);
  ScriptedSocket.opened = [];
  ScriptedSocket.at = [];
  ScriptedSocket.isUp = true;
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe('useWebSocket', () => {
  test('connects by itself as soon as there is a job (000-16)', async () => {
    const { result, rerender } = renderHook(({ jobId }) => useWebSocket({ jobId, url }), {
      initialProps: { jobId: null as string | null },
    });
    await pass(5_000);
    expect(ScriptedSocket.opened).toHaveLength(0);
    expect(result.current.status).toBe('idle');
    rerender({ jobId: 'j1' });
    expect(result.current.status).toBe('connecting');
    await pass();
    expect(result.current).toMatchObject({ status: 'open', isConnected: true });
  });

  test('opens exactly one connection in 100 renders with inline callbacks (000-T3)', async () => {
    const { rerender } = renderHook(() =>
      useWebSocket({
        jobId: 'j1',
        url: () => url,
        onMessage: () => undefined,
        onError: () => undefined,
      }),
    );
    for (let n = 0; n < 100; n += 1) {
      rerender();
      if (n % 10 === 0) await pass(100);
    }
    await pass(30_000);
    last().tell({ type: 'pong' });
    expect(ScriptedSocket.opened).toHaveLength(1);
  });

  test('opens one in strict mode too', async () => {
    renderHook(() => useWebSocket({ jobId: 'j1', url }), { wrapper: StrictMode });
    await pass();
    expect(ScriptedSocket.opened).toHaveLength(1);
  });

  test('calls onConnected, onMessage, onDisconnected and onError, always the last ones (000-19)', async () => {
    const calls: unknown[] = [];
    const { rerender } = renderHook(
      ({ tag }) =>
        useWebSocket<{ status: string }>({
          jobId: 'j1',
          url,
          onConnected: () => calls.push([tag, 'connected']),
          onMessage: (message) => calls.push([tag, message.status]),
          onDisconnected: ({ code, isFinal }) => calls.push([tag, code, isFinal]),
          onError: (error) => calls.push([tag, error.code]),
        }),
      { initialProps: { tag: 'first' } },
    );
    await pass();
    rerender({ tag: 'second' });
    act(() => {
      last().tell({ status: 'queued' });
      last().onmessage?.({ data: 'no json' });
      last().end(4404, 'not found');
    });
    expect(calls).toEqual([
      ['first', 'connected'],
      ['second', 'queued'],
      ['second', 'invalid_frame'],
      ['second', 4404, true],
      ['second', 'job_not_found'],
    ]);
  });

  test('sends the text ping every 30 seconds (000-18, 000-28)', async () => {
    renderHook(() => useWebSocket({ jobId: 'j1', url }));
    await pass();
    for (let n = 0; n < 4; n += 1) {
      await pass(30_000);
      act(() => last().tell({ type: 'pong' }));
    }
    expect(last().sent).toEqual(['ping', 'ping', 'ping', 'ping']);
    expect(ScriptedSocket.opened).toHaveLength(1);
  });

  test('leaves a server that does not answer, and comes back', async () => {
    const onDisconnected = vi.fn();
    renderHook(() => useWebSocket({ jobId: 'j1', url, onDisconnected }));
    await pass(30_000 + PONG_MS + 2_000);
    expect(onDisconnected).toHaveBeenCalledWith({ code: 4000, reason: 'no pong', isFinal: false });
    expect(ScriptedSocket.opened).toHaveLength(2);
  });

  test.each([1000, 1008, 4404])(
    'treats a close with %i as the end: nothing in the next 60 s (000-T4, 000-31)',
    async (code) => {
      const onError = vi.fn();
      const { result } = renderHook(() => useWebSocket({ jobId: 'j1', url, onError }));
      await pass();
      act(() => last().end(code));
      await pass(60_000);
      expect(ScriptedSocket.opened).toHaveLength(1);
      expect(result.current.status).toBe('closed');
      expect(onError).toHaveBeenCalledTimes(code === 1000 ? 0 : 1);
    },
  );

  test('comes back with growing, scattered delays up to 30 s, and misses nothing (000-17, 000-T5)', async () => {
    const messages: unknown[] = [];
    const { result } = renderHook(() =>
      useWebSocket({
        jobId: 'j1',
        url,
        reconnectIntervalMs: 500,
        onMessage: (one) => messages.push(one),
      }),
    );
    await pass();
    ScriptedSocket.isUp = false;
    act(() => last().end(1006));
    expect(result.current.status).toBe('waiting');
    await pass(5 * 60_000);
    const waits = ScriptedSocket.at.slice(1).map((at, n) => at - (ScriptedSocket.at[n] ?? 0));
    const first = waits.slice(1, 6);
    expect(first).toEqual([...first].sort((a, b) => a - b));
    for (const [n, wait] of waits.slice(1).entries()) {
      const grown = Math.min(500 * 2 ** (n + 1), RECONNECT_MS_MAX);
      expect(wait).toBeGreaterThanOrEqual(grown * 0.8 - 1);
      expect(wait).toBeLessThanOrEqual(grown + 1);
    }
    expect(new Set(waits.slice(-5)).size).toBeGreaterThan(1);
    ScriptedSocket.isUp = true;
    await pass(RECONNECT_MS_MAX);
    const replay = ['connected', 'queued', 'processing', 'completed'].map((type) => ({ type }));
    act(() => {
      for (const frame of replay) last().tell(frame);
    });
    expect(messages).toEqual(replay);
  });

  test('cleans up when it goes, also while it waits to come back (000-20)', async () => {
    const onDisconnected = vi.fn();
    const { unmount } = renderHook(() => useWebSocket({ jobId: 'j1', url, onDisconnected }));
    await pass();
    unmount();
    expect(last().readyState).toBe(3);
    expect(onDisconnected).toHaveBeenCalledTimes(1);
    const other = renderHook(() => useWebSocket({ jobId: 'j1', url }));
    await pass();
    act(() => last().end(1006));
    other.unmount();
    await pass(120_000);
    expect(ScriptedSocket.opened).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('opens nothing when it goes while its address is still looked for', async () => {
    let give: (address: string) => void = () => undefined;
    const address = new Promise<string>((resolve) => {
      give = resolve;
    });
    const { unmount } = renderHook(() => useWebSocket({ jobId: 'j1', url: () => address }));
    await pass();
    unmount();
    give(url);
    await pass(60_000);
    expect(ScriptedSocket.opened).toHaveLength(0);
  });

  test('tells its log of the connection and of each frame (000-30)', async () => {
    const log = vi.fn();
    renderHook(() => useWebSocket({ jobId: 'j1', url, log }));
    await pass();
    act(() => {
      last().tell({ type: 'connected', job_id: 'j1' });
      last().end(1000);
    });
    expect(log.mock.calls).toEqual([
      ['WebSocket connected for job j1'],
      [{ type: 'connected', job_id: 'j1' }],
      ['WebSocket disconnected for job j1'],
    ]);
  });

  test('takes the address and the token from the provider', async () => {
    const client = createAvance({ url: 'https://server.test/base/', token: 'a.b.c' });
    renderHook(() => useWebSocket({ jobId: 'j/1' }), {
      wrapper: ({ children }) => <AvanceProvider client={client}>{children}</AvanceProvider>,
    });
    await pass();
    expect(last().url).toBe('wss://server.test/base/ws/jobs/j%2F1?token=a.b.c');
  });

  test('says what is missing without one', async () => {
    const onError = vi.fn();
    renderHook(() => useWebSocket({ jobId: 'j1', onError }));
    await pass();
    expect(onError.mock.calls[0]?.[0].message).toContain('<AvanceProvider>');
  });
});
