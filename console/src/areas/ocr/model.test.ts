import { expect, test } from 'vitest';
import { corrections, differences } from './model.ts';

function typed(values: Record<string, string>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(values)) form.append(`field.${name}`, value);
  return form;
}

test('only what was changed is sent, a number as a number', () => {
  const read = { rut: '12.345.678-5', total: 121, name: 'Ana' };
  const form = typed({ rut: '12.345.678-5', total: '122', name: 'Ana María ' });
  expect(corrections(read, form)).toEqual({ total: 122, name: 'Ana María' });
});

test('a number that is emptied or made words is sent as it was typed', () => {
  expect(corrections({ total: 1 }, typed({ total: '' }))).toEqual({ total: '' });
  expect(corrections({ total: 1 }, typed({ total: 'uno' }))).toEqual({ total: 'uno' });
});

test('a field that the form does not show stays', () => {
  expect(corrections({ total: 1 }, typed({}))).toEqual({});
});

test('a change says what each field was and became', () => {
  const before = { fields: { total: '121.00', name: 'Ana' }, finalDecision: null };
  const after = { fields: { total: '122.00', name: 'Ana' }, finalDecision: 'APPROVED' };
  expect(differences({ before, after })).toEqual([
    'finalDecision: – → APPROVED',
    'total: 121.00 → 122.00',
  ]);
});
