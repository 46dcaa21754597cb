import { type AvanceClient, type AvanceOptions, createAvance } from '@avance/client';
import { act, cleanup } from '@testing-library/react';
import { afterEach, beforeEach, vi } from 'vitest';
import { FakeServer } from '../../client/test/support/fakeServer.ts';
import { AvanceProvider } from '../src/index.ts';

export interface Stage {
  server: FakeServer;
  client: AvanceClient;
  make: (options?: AvanceOptions) => AvanceClient;
  wrapper: (props: { children: React.ReactNode }) => React.ReactNode;
}

/** A server and a client for each test of the file, on a clock that the test moves. */
export function stage(): Stage {
  const made = {} as Stage;
  const clients: AvanceClient[] = [];
  made.make = (options = {}) => {
    const { server } = made;
    const client = createAvance({
      url: 'http://server.test',
      transport: 'ws',
      isShared: false,
      fetch: server.fetch,
      centrifuge: { websocket: server.WebSocket },
      ...options,
    });
    clients.push(client);
    return client;
  };
  made.wrapper = ({ children }) => (
    <AvanceProvider client={made.client} locale="en">
      {children}
    </AvanceProvider>
  );
  beforeEach(() => {
    vi.useFakeTimers();
    made.server = new FakeServer();
    made.client = made.make();
  });
  afterEach(() => {
    cleanup();
    for (const client of clients.splice(0)) client.close();
    vi.useRealTimers();
  });
  return made;
}

/** Let time pass, and React with it. */
export async function pass(ms = 50): Promise<void> {
  await act(async () => {
    await vi.advanceTimersByTimeAsync(ms);
  });
}
