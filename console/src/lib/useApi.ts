import { type RequestOptions, type SendFormOptions, sendForm } from '@avance/client';
import { useAvance } from '@avance/react';
import { useMemo } from 'react';

/** The server, with the token of whoever is signed in. What it refuses is thrown as an `AvanceError`. */
export interface ServerApi {
  get<T>(path: string, query?: object, options?: RequestOptions): Promise<T>;
  post<T>(path: string, body?: unknown, options?: RequestOptions): Promise<T>;
  put<T>(path: string, body?: unknown, options?: RequestOptions): Promise<T>;
  patch<T>(path: string, body?: unknown, options?: RequestOptions): Promise<T>;
  del<T = void>(path: string, query?: object, options?: RequestOptions): Promise<T>;
  /** A form with files, which tells how far it is. */
  upload<T>(path: string, form: FormData, options?: SendFormOptions): Promise<T>;
}

/** The same object in each drawing. */
export function useApi(): ServerApi {
  const client = useAvance();
  return useMemo(() => {
    const { api } = client;
    return {
      get: (path, query, options) => api.request(path, { ...options, query }),
      post: (path, body, options) => api.request(path, { ...options, method: 'POST', body }),
      put: (path, body, options) => api.request(path, { ...options, method: 'PUT', body }),
      patch: (path, body, options) => api.request(path, { ...options, method: 'PATCH', body }),
      del: (path, query, options) => api.request(path, { ...options, method: 'DELETE', query }),
      upload: (path, form, options) => sendForm(client, path, form, options),
    };
  }, [client]);
}
