import type { Preferences } from '@avance/client';

export interface Product {
  sku: string;
  name: string;
  stock: number;
  threshold: number;
  price_cents: number;
  responsible: string;
  is_low: boolean;
}

export interface Movement {
  id: number;
  quantity: number;
  stock_after: number;
  reason: string;
  made_by: string;
  created_at: string;
}

export interface Order {
  id: number;
  customer: string;
  sku: string;
  quantity: number;
  state: 'pending' | 'ready' | 'cancelled';
  created_at: string;
}

export interface Imported {
  imported: number;
  findings: readonly { row: number; column: string | null; code: string; message: string }[];
}

export interface Delivery {
  channel: string;
  state: string;
  reason: string | null;
  last_error: string | null;
}

/** The kinds of this system. */
export const KINDS = [
  'stock_alert',
  'inventory_low',
  'order_pending',
  'order_ready',
  'price_change',
  'system_alert',
] as const;
export const CHANNELS = ['websocket', 'email', 'sms', 'push'] as const;

const CENTS = 100;

export function priceOf(cents: number, locale: string): string {
  const format = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  return new Intl.NumberFormat(locale, format).format(cents / CENTS);
}

export function centsOf(typed: string): number {
  return Math.round(Number(typed.replace(',', '.')) * CENTS);
}

export function pathOf(sku: string): string {
  return `/api/retail/products/${encodeURIComponent(sku)}`;
}

/** Whether a kind goes out on a channel, by the rules of the server: its own word, then that for all. */
export function isOn(preferences: Preferences, kind: string, channel: string): boolean {
  const own = preferences.kinds?.[kind];
  return own?.[channel] ?? own?.['*'] ?? preferences.channels?.[channel] ?? true;
}

/** Only what was changed becomes a word of a kind's own; what is not shown here stays. */
export function withKinds(
  before: Preferences,
  wanted: (kind: string, channel: string) => boolean,
): Preferences {
  const kinds: Record<string, Record<string, boolean>> = { ...before.kinds };
  for (const kind of KINDS) {
    for (const channel of CHANNELS) {
      const is = wanted(kind, channel);
      if (is !== isOn(before, kind, channel)) kinds[kind] = { ...kinds[kind], [channel]: is };
    }
  }
  return { ...before, kinds };
}
