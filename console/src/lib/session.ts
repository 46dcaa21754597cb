import {
  type AvanceClient,
  type AvanceError,
  asAvanceError,
  createAvance,
  InvalidRequest,
  Unauthenticated,
} from '@avance/client';
import { beginKeeping, endKeeping, withStorage } from './ofUser.ts';

/** Who the server takes this page for. */
export interface Me {
  user: string;
  role: 'user' | 'sender' | 'admin';
  tenant: string | null;
  /** Nobody needs credentials here. */
  is_open: boolean;
}

export type SessionState =
  | { status: 'asking' }
  | { status: 'unreachable'; error: AvanceError }
  | { status: 'out'; why: 'new' | 'expired' | 'left' }
  | { status: 'in'; me: Me; client: AvanceClient };

export interface Session {
  readonly subscribe: (listener: () => void) => () => void;
  readonly get: () => SessionState;
  /** Learn whether somebody is signed in already, or nobody needs to be. */
  begin: () => Promise<void>;
  /** Trade a token or an API key for a short token of this tab; throws what the server says to it. */
  signIn: (secret: string) => Promise<void>;
  signOut: () => void;
}

interface Issued {
  token: string;
}

const KEY = 'avance.session';
/** A tab that is left open goes on as long as it is looked at; one that slept longer asks again. */
const TTL_S = 3_600;

export function createSession(url: string): Session {
  const listeners = new Set<() => void>();
  let state: SessionState = { status: 'asking' };
  let beginning: Promise<void> | undefined;

  function set(next: SessionState): void {
    if (state.status === 'in') state.client.close();
    state = next;
    for (const listener of listeners) listener();
  }

  function end(why: 'expired' | 'left'): void {
    keep(undefined);
    // Whose session has expired may come back to it.
    if (why === 'left') endKeeping();
    set({ status: 'out', why });
  }

  function tokens(first: string): () => Promise<string> {
    let held: string | undefined = first;
    let last = first;
    return async () => {
      if (held !== undefined) {
        held = undefined;
        return last;
      }
      try {
        last = await trade(url, { authorization: `Bearer ${last}` });
      } catch (error) {
        if (error instanceof Unauthenticated) end('expired');
        throw error;
      }
      keep(last);
      return last;
    };
  }

  async function enter(token: string | undefined): Promise<void> {
    const client = createAvance(token === undefined ? { url } : { url, token: tokens(token) });
    const me = await client.api.request<Me>('/v1/me');
    beginKeeping(me.user);
    set({ status: 'in', me, client });
  }

  function begin(): Promise<void> {
    beginning ??= tryBegin().finally(() => {
      beginning = undefined;
    });
    return beginning;
  }

  async function tryBegin(): Promise<void> {
    const kept = readKept();
    try {
      await enter(kept);
    } catch (thrown) {
      const error = asAvanceError(thrown);
      if (!(error instanceof Unauthenticated)) set({ status: 'unreachable', error });
      else if (state.status !== 'out') set({ status: 'out', why: 'new' });
    }
  }

  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    get: () => state,
    begin,
    async signIn(secret) {
      const isToken = secret.split('.').length === 3;
      const token = await trade(
        url,
        isToken ? { authorization: `Bearer ${secret}` } : { 'x-api-key': secret },
      );
      keep(token);
      await enter(token);
    },
    signOut: () => end('left'),
  };
}

async function trade(url: string, headers: Record<string, string>): Promise<string> {
  const asking = createAvance({
    url,
    fetch: (input, init) => fetch(input, { ...init, headers: { ...init?.headers, ...headers } }),
  });
  const ask = async (ttl_s: number): Promise<string> =>
    (await asking.api.request<Issued>('/v1/tokens', { method: 'POST', body: { ttl_s } })).token;
  try {
    return await ask(TTL_S);
  } catch (error) {
    // A server may want its users back sooner.
    const most = error instanceof InvalidRequest ? error.params.ttl_s_max : undefined;
    if (typeof most !== 'number') throw error;
    return ask(most);
  }
}

function readKept(): string | undefined {
  return withStorage((storage) => storage.getItem(KEY) ?? undefined);
}

function keep(token: string | undefined): void {
  withStorage((storage) => {
    if (token === undefined) storage.removeItem(KEY);
    else storage.setItem(KEY, token);
  });
}
