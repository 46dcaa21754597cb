/** What is sent to be planned: routes, and what stands beside them. docs/en/howto/routes.md */
export interface Body {
  routes: readonly unknown[];
  vehicles?: unknown;
}

/** What a JSON file holds: a list of routes, or a body with them; the server says what is wrong with it. */
export function bodyOf(text: string): Body {
  try {
    const value = JSON.parse(text) as unknown;
    if (Array.isArray(value)) return { routes: value };
    const { routes, ...more } = (value ?? {}) as Record<string, unknown>;
    return { ...more, routes: Array.isArray(routes) ? routes : [] };
  } catch {
    return { routes: [] };
  }
}

/** How many vehicles it says there are. */
export function vehiclesIn({ vehicles }: Body): number {
  if (!Array.isArray(vehicles)) return 0;
  const counts = vehicles.map((one) => (one as { count?: unknown } | null)?.count);
  return counts.reduce<number>((sum, n) => sum + (typeof n === 'number' ? n : 0), 0);
}
