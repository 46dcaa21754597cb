import { type AvanceClient, asAvanceError, errorOfProblem, type Refusal } from '@avance/client';
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
    if (!answer.ok) {
      // A proxy in between answers without words of ours.
      const refusal = (await answer.json().catch(() => ({}))) as Refusal;
      throw errorOfProblem(refusal, answer.status);
    }
    return await answer.blob();
  } catch (error) {
    signal?.throwIfAborted();
    throw asAvanceError(error);
  }
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

/** An address in this page for a picture; undefined until it is here, null where there is none. */
export function usePicture(path: string): string | null | undefined {
  const client = useAvance();
  const [url, set] = useState<string | null>();
  useEffect(() => {
    const abort = new AbortController();
    let made: string | undefined;
    bytesOf(client, path, abort.signal).then(
      (bytes) => {
        if (abort.signal.aborted) return;
        made = URL.createObjectURL(bytes);
        set(made);
      },
      () => {
        // The words are drawn without it, and the page says so.
        if (!abort.signal.aborted) set(null);
      },
    );
    return () => {
      abort.abort();
      if (made !== undefined) URL.revokeObjectURL(made);
      set(undefined);
    };
  }, [client, path]);
  return url;
}
