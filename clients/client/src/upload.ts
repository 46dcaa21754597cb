import type { AvanceClient } from './client.ts';
import { ConnectionFailed, errorOfProblem, type Refusal } from './errors.ts';

export interface SendFormOptions {
  /** Between 0 and 1, of the bytes. */
  onProgress?: (part: number) => void;
  signal?: AbortSignal | undefined;
}

/** Post a form with files and tell how far it is, which `fetch` cannot. Answers the JSON of the server. */
export async function sendForm<T>(
  client: AvanceClient,
  path: string,
  form: FormData,
  { onProgress, signal }: SendFormOptions = {},
): Promise<T> {
  const token = await client.token();
  signal?.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = (): void => request.abort();
    request.open('POST', `${client.url}${path}`);
    request.responseType = 'text';
    request.setRequestHeader('accept', 'application/json');
    if (token !== undefined) request.setRequestHeader('authorization', `Bearer ${token}`);
    request.upload.onprogress = ({ loaded, total }) => onProgress?.(total ? loaded / total : 0);
    request.onload = () => {
      const { status } = request;
      const answer = parsed(request.responseText);
      if (status >= 200 && status < 300) resolve(answer as T);
      else {
        const wait_s = Number(request.getResponseHeader('retry-after') ?? 1);
        reject(errorOfProblem((answer ?? {}) as Refusal, status, wait_s));
      }
    };
    request.onerror = () =>
      reject(new ConnectionFailed('connection_failed', `no answer from ${client.url}${path}`));
    request.onabort = () => reject(signal?.reason);
    request.onloadend = () => signal?.removeEventListener('abort', abort);
    signal?.addEventListener('abort', abort);
    request.send(form);
  });
}

// A proxy in between may answer with a page.
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
