// What the pages of this tab keep of one user's work. It goes when that user signs out, and when another one signs in.

const PREFIX = 'avance.of-user ';
let owner: string | undefined;

/** From now on this tab is this user's; what another one left in it goes. */
export function beginKeeping(user: string): void {
  if (owner !== user) forget((key) => !key.startsWith(keyOf(user, '')));
  owner = user;
}

/** What comes later, such as the answer to a question that was asked before, is not kept either. */
export function endKeeping(): void {
  owner = undefined;
  forget(() => true);
}

export function keepOfUser(user: string, name: string, text: string): void {
  if (owner === user) withStorage((storage) => storage.setItem(keyOf(user, name), text));
}

export function readOfUser(user: string, name: string): string | undefined {
  return withStorage((storage) => storage.getItem(keyOf(user, name)) ?? undefined);
}

function forget(isGone: (key: string) => boolean): void {
  withStorage((storage) => {
    for (const key of Object.keys(storage))
      if (key.startsWith(PREFIX) && isGone(key)) storage.removeItem(key);
  });
}

function keyOf(user: string, name: string): string {
  return `${PREFIX}${encodeURIComponent(user)} ${name}`;
}

/** A browser that forbids storage, or has no room, forgets it with the page. */
export function withStorage<T>(use: (storage: Storage) => T): T | undefined {
  try {
    return use(sessionStorage);
  } catch (error) {
    if (error instanceof DOMException) return undefined;
    throw error;
  }
}
