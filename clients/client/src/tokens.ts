export type TokenSource = string | (() => Promise<string>);

interface Claims {
  sub?: string;
  exp?: number;
}

/** Renew this long before the end, so that a token does not end on its way. */
const MARGIN_MS = 10_000;

/** The token of the page's user, fetched once and again when it ends. */
export interface Tokens {
  isGiven: boolean;
  isRenewable: boolean;
  current: () => Promise<string | undefined>;
  /** Fetch another one, whatever the present one says; callers at the same time share it. */
  renew: () => Promise<string | undefined>;
}

export function createTokens(source: TokenSource | undefined): Tokens {
  const fetchToken = typeof source === 'function' ? source : undefined;
  let token = fetchToken ? undefined : (source as string | undefined);
  let fetching: Promise<string> | undefined;

  async function renew(): Promise<string | undefined> {
    if (!fetchToken) return token;
    fetching ??= fetchToken().finally(() => {
      fetching = undefined;
    });
    token = await fetching;
    return token;
  }

  return {
    isGiven: source !== undefined,
    isRenewable: fetchToken !== undefined,
    current: async () => (!token || (fetchToken && isOver(token)) ? renew() : token),
    renew,
  };
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
