export type TokenSource = string | (() => Promise<string>);

interface Claims {
  sub?: string;
  exp?: number;
}

/** Renew this long before the end, so that a token does not end on its way. */
const MARGIN_MS = 10_000;

/** The token of the page's user, fetched once and again when it ends. */
export class Tokens {
  readonly #source: TokenSource | undefined;
  #token: string | undefined;
  #fetching: Promise<string> | undefined;

  constructor(source: TokenSource | undefined) {
    this.#source = source;
    if (typeof source === 'string') this.#token = source;
  }

  get isGiven(): boolean {
    return this.#source !== undefined;
  }

  get isRenewable(): boolean {
    return typeof this.#source === 'function';
  }

  async current(): Promise<string | undefined> {
    if (this.#token !== undefined && !(this.isRenewable && isOver(this.#token))) return this.#token;
    return this.renew();
  }

  /** Fetch another one, whatever the present one says; callers at the same time share it. */
  async renew(): Promise<string | undefined> {
    const source = this.#source;
    if (typeof source !== 'function') return this.#token;
    this.#fetching ??= source().finally(() => {
      this.#fetching = undefined;
    });
    this.#token = await this.#fetching;
    return this.#token;
  }
}

/** Who a token is for, as it says itself; only the server verifies it. */
export function userOf(token: string | undefined): string | undefined {
  return token === undefined ? undefined : claimsOf(token).sub;
}

function isOver(token: string): boolean {
  const { exp } = claimsOf(token);
  return exp !== undefined && exp * 1000 - MARGIN_MS < Date.now();
}

function claimsOf(token: string): Claims {
  const middle = token.split('.')[1];
  if (middle === undefined) return {};
  try {
    const bytes = Uint8Array.from(atob(middle.replace(/-/g, '+').replace(/_/g, '/')), (one) =>
      one.charCodeAt(0),
    );
    return JSON.parse(new TextDecoder().decode(bytes)) as Claims;
  } catch (error) {
    // An opaque token says nothing; whatever else goes wrong here is ours.
    if (error instanceof SyntaxError || error instanceof DOMException) return {};
    throw error;
  }
}
