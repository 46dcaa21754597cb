import { expect, test } from 'vitest';
import { centsOf, isOn, withKinds } from './model.ts';

test('the word of a kind wins over that of the channel', () => {
  const preferences = { channels: { email: false }, kinds: { stock_alert: { '*': true } } };
  expect(isOn(preferences, 'stock_alert', 'email')).toBe(true);
  expect(isOn(preferences, 'price_change', 'email')).toBe(false);
  expect(isOn(preferences, 'price_change', 'push')).toBe(true);
});

test('only what was changed is written, and the rest stays', () => {
  const before = { muted: ['x'], kinds: { other: { sms: false } } };
  const after = withKinds(
    before,
    (kind, channel) => !(kind === 'price_change' && channel === 'sms'),
  );
  expect(after).toEqual({
    muted: ['x'],
    kinds: { other: { sms: false }, price_change: { sms: false } },
  });
});

test('a price is typed with a comma or a point', () => {
  expect(centsOf('12,35')).toBe(1235);
  expect(centsOf('0.1')).toBe(10);
});
