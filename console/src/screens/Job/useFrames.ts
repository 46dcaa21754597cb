import { asAvanceError, type JobEvents, type TokenAnswer } from '@avance/client';
import { useAvance } from '@avance/react';
import { useEffect, useState } from 'react';
import { useSession } from '../../app/SessionGate.tsx';
import { useApi } from '../../lib/useApi.ts';

export interface Frames {
  /** The last ones, as they came. */
  frames: readonly { n: number; text: string }[];
  closed: { code: number; reason: string } | undefined;
  error: string | undefined;
}

/** Older ones leave the page. */
export const FRAMES_MAX = 500;
const NONE: Frames = { frames: [], closed: undefined, error: undefined };

/** What a socket sends for a job; `address` has one `{parameter}`, and undefined is the event log. */
export function useFrames(id: string, address: string | undefined, seq: number): Frames {
  const [state, set] = useState(NONE);
  const client = useAvance();
  const api = useApi();
  const { me } = useSession();
  useEffect(() => {
    if (address === undefined) return undefined;
    set(NONE);
    let socket: WebSocket | undefined;
    let isOver = false;
    const open = async (): Promise<void> => {
      // A token in an address has to be a short one.
      const token = me.is_open ? '' : (await api.post<TokenAnswer>('/v1/tokens', {})).token;
      if (isOver) return;
      const path = address.replace(/\{[^}]+\}/, encodeURIComponent(id));
      const query = token && `?${new URLSearchParams({ token })}`;
      socket = new WebSocket(`${client.url.replace(/^http/, 'ws')}${path}${query}`);
      socket.onmessage = ({ data }) => set((before) => added(before, [String(data)]));
      socket.onclose = ({ code, reason }) =>
        set((before) => ({ ...before, closed: { code, reason } }));
    };
    open().catch((thrown: unknown) => set({ ...NONE, error: asAvanceError(thrown).message }));
    return () => {
      isOver = true;
      if (socket) socket.onclose = null;
      socket?.close();
    };
  }, [address, id, client, api, me]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: each event of the job has a number, and makes this read on
  useEffect(() => {
    if (address !== undefined) return undefined;
    const abort = new AbortController();
    const read = async (): Promise<void> => {
      const texts: string[] = [];
      let since = 0;
      for (;;) {
        const path = `/v1/jobs/${encodeURIComponent(id)}/events`;
        const query = { since, limit: FRAMES_MAX };
        const page = await api.get<JobEvents>(path, query, { signal: abort.signal });
        texts.push(...page.events.map((event) => JSON.stringify(event)));
        since = (page.events.at(-1) as { seq: number } | undefined)?.seq ?? page.offset;
        if (!page.has_more) break;
      }
      set(added(NONE, texts));
    };
    read().catch((thrown: unknown) => {
      if (!abort.signal.aborted) set({ ...NONE, error: asAvanceError(thrown).message });
    });
    return () => abort.abort();
  }, [address, id, api, seq]);
  return state;
}

function added(before: Frames, texts: readonly string[]): Frames {
  const first = (before.frames.at(-1)?.n ?? 0) + 1;
  const more = texts.map((text, place) => ({ n: first + place, text }));
  return { ...before, frames: [...before.frames, ...more].slice(-FRAMES_MAX) };
}
