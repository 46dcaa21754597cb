import {
  asAvanceError,
  ConnectionFailed,
  errorOfProblem,
  type Refusal,
  Unauthenticated,
} from './errors.ts';
import type { Tokens } from './tokens.ts';
import type {
  EventsQuery,
  JobEvents,
  JobList,
  JobView,
  ListQuery,
  SubmitRequest,
  Submitted,
  TaskList,
  TokenAnswer,
} from './wire.ts';

export interface RequestOptions {
  /** Used where the page has no token of its own. */
  token?: string | undefined;
  signal?: AbortSignal | undefined;
}

export interface Call extends RequestOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  query?: object | undefined;
  /** Sent as JSON; a form or a file as it is. */
  body?: unknown;
}

/** The REST side of the server. */
export class Api {
  readonly #base: () => string;
  readonly #tokens: Tokens;
  readonly #fetch: typeof fetch;
  #isOpen = true;

  constructor(base: () => string, tokens: Tokens, fetcher: typeof fetch) {
    this.#base = base;
    this.#tokens = tokens;
    this.#fetch = fetcher;
  }

  tasks(options?: RequestOptions): Promise<TaskList> {
    return this.request('/v1/tasks', options);
  }

  submit(body: SubmitRequest, options?: RequestOptions): Promise<Submitted> {
    return this.request('/v1/jobs', { ...options, method: 'POST', body });
  }

  jobs(query: ListQuery, options?: RequestOptions): Promise<JobList> {
    return this.request('/v1/jobs', { ...options, query });
  }

  job(id: string, options?: RequestOptions): Promise<JobView> {
    return this.request(pathOf(id), options);
  }

  events(id: string, query: EventsQuery, options?: RequestOptions): Promise<JobEvents> {
    return this.request(`${pathOf(id)}/events`, { ...options, query });
  }

  result(id: string, options?: RequestOptions): Promise<unknown> {
    return this.request(`${pathOf(id)}/result`, options);
  }

  input(id: string, options?: RequestOptions): Promise<unknown> {
    return this.request(`${pathOf(id)}/input`, options);
  }

  cancel(id: string, options?: RequestOptions): Promise<JobView> {
    return this.request(`${pathOf(id)}/cancel`, { ...options, method: 'POST' });
  }

  retry(id: string, options?: RequestOptions): Promise<Submitted> {
    return this.request(`${pathOf(id)}/retry`, { ...options, method: 'POST' });
  }

  delete(id: string, options?: RequestOptions): Promise<void> {
    return this.request(pathOf(id), { ...options, method: 'DELETE' });
  }

  token(options?: RequestOptions): Promise<TokenAnswer> {
    return this.request('/v1/tokens', { ...options, method: 'POST', body: {} });
  }

  /** Any path of the server, such as those of an app; what it answers as JSON. */
  async request<T>(path: string, call: Call = {}): Promise<T> {
    const own = await this.#tokens.current();
    try {
      return await this.#send<T>(path, call, own ?? (this.#isOpen ? undefined : call.token));
    } catch (error) {
      if (!(error instanceof Unauthenticated)) throw error;
      // The token of a handle can do less than nobody can on an open server, so it comes second.
      this.#isOpen = false;
      const other = own === undefined ? call.token : await this.#tokens.renew();
      if (other === undefined || other === own) throw error;
      return this.#send<T>(path, call, other);
    }
  }

  async #send<T>(path: string, call: Call, token: string | undefined): Promise<T> {
    const url = `${this.#base()}${path}${queryOf(call.query)}`;
    const headers: Record<string, string> = { accept: 'application/json' };
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    const request: RequestInit = { method: call.method ?? 'GET', headers };
    if (call.signal) request.signal = call.signal;
    if (call.body !== undefined) {
      const isRaw = call.body instanceof Blob || call.body instanceof FormData;
      if (!isRaw) headers['content-type'] = 'application/json';
      request.body = isRaw ? (call.body as BodyInit) : JSON.stringify(call.body);
    }
    const answer = await this.#fetch(url, request).catch((error: unknown) => {
      call.signal?.throwIfAborted();
      throw new ConnectionFailed('connection_failed', `no answer from ${url}`, { cause: error });
    });
    if (!answer.ok) throw await refusal(answer);
    if (answer.status === 204) return undefined as T;
    return (await answer.json().catch((error: unknown) => {
      throw asAvanceError(error);
    })) as T;
  }
}

async function refusal(answer: Response): Promise<Error> {
  // A proxy in between answers without our problem document.
  const problem = (await answer.json().catch(() => ({}))) as Refusal;
  return errorOfProblem(problem, answer.status, Number(answer.headers.get('retry-after') ?? 1));
}

function pathOf(id: string): string {
  return `/v1/jobs/${encodeURIComponent(id)}`;
}

function queryOf(query: object | undefined): string {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  if (given.length === 0) return '';
  return `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}
