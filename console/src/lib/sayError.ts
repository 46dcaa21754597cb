import type { Key } from '../i18n/en.ts';
import type { Translate } from '../i18n/translate.ts';

export interface Failure {
  code: string;
  message: string;
}

const BY_CODE: Readonly<Record<string, Key>> = {
  connection_failed: 'error.network',
  permission_denied: 'error.forbidden',
  forbidden: 'error.forbidden',
  unauthenticated: 'error.unauthenticated',
  rate_limited: 'error.rateLimited',
};

/** An error in the language of the reader, where we know its code; else as the server says it. */
export function sayError({ code, message }: Failure, t: Translate): string {
  const key = BY_CODE[code];
  return key === undefined ? message : t(key);
}
