import { type AvanceClient, AvanceError, asAvanceError } from '@avance/client';
import { useAvance } from '@avance/react';
import { useEffect, useState } from 'react';

/** The bytes of an address: a link of the page would not bring the token of who is signed in. */
export async function bytesOf(
  client: AvanceClient,
  path: string,
  signal?: AbortSignal,
): Promise<Blob> {
  const token = await client.token();
  const headers: HeadersInit = token === undefined ? {} : { authorization: `Bearer ${token}` };
  try {
    const answer = await fetch(`${client.url.replace(/\/$/, '')}${path}`, {
      headers,
      ...(signal && { signal }),
    });
    if (!answer.ok) throw await refusal(answer);
    return await answer.blob();
  } catch (error) {
    signal?.throwIfAborted();
    throw asAvanceError(error);
  }
}

async function refusal(answer: Response): Promise<AvanceError> {
  const said = (await answer.json().catch(() => ({}))) as { error?: string; code?: string };
  return new AvanceError(said.code ?? 'http_error', said.error ?? `${answer.status}`);
}

/** Offer bytes to be saved under a name. */
export function save(bytes: Blob, name: string): void {
  const url = URL.createObjectURL(bytes);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

const PICTURES: ReadonlySet<string> = new Set(['image/png', 'image/jpeg']);

/** An address in this page for a picture; undefined until it is here, null where it is none that a browser shows. */
export function usePicture(path: string): string | null | undefined {
  const client = useAvance();
  const [url, set] = useState<string | null>();
  useEffect(() => {
    const abort = new AbortController();
    let made: string | undefined;
    bytesOf(client, path, abort.signal).then(
      (bytes) => {
        if (abort.signal.aborted) return;
        made = PICTURES.has(bytes.type) ? URL.createObjectURL(bytes) : undefined;
        set(made ?? null);
      },
      () => {
        // The words are drawn without it, and the page says so.
        if (!abort.signal.aborted) set(null);
      },
    );
    return () => {
      abort.abort();
      if (made !== undefined) URL.revokeObjectURL(made);
    };
  }, [client, path]);
  return url;
}
