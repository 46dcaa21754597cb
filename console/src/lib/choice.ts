// What somebody chose, kept by the browser. One that forbids storage forgets it with the page.

export function readChoice<T extends string>(key: string, allowed: readonly T[]): T | undefined {
  try {
    const kept = localStorage.getItem(key);
    return allowed.find((one) => one === kept);
  } catch (error) {
    if (error instanceof DOMException) return undefined;
    throw error;
  }
}

export function writeChoice(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}
