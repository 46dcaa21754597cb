import { describe, expect, it } from 'vitest';
import { fieldsOf, parse } from '../src/screens/Try/schema.ts';

const SCHEMA = {
  $ref: '#/$defs/work',
  $defs: {
    work: {
      type: 'object',
      properties: {
        pages: { type: 'integer', default: 40 },
        speed: { anyOf: [{ type: 'number' }, { type: 'null' }], default: null },
        name: { type: 'string' },
        is_fast: { type: 'boolean', default: true },
        mode: { $ref: '#/$defs/Mode', default: 'a' },
        options: { type: 'object', default: {} },
      },
      required: ['name'],
    },
    Mode: { enum: ['a', 'b'] },
  },
};

describe('the form of a task', () => {
  const fields = fieldsOf(SCHEMA);
  const typed = Object.fromEntries(fields.map((field) => [field.name, field.initial]));

  it('has one field for each parameter, with its kind and its default', () => {
    expect(fields.map(({ name, kind, initial }) => [name, kind, initial])).toEqual([
      ['pages', 'integer', '40'],
      ['speed', 'number', ''],
      ['name', 'text', ''],
      ['is_fast', 'boolean', 'true'],
      ['mode', 'choice', 'a'],
      ['options', 'json', '{}'],
    ]);
    expect(fields.filter((field) => field.isRequired).map((field) => field.name)).toEqual(['name']);
  });

  it('gives values of the right types and leaves out what is empty', () => {
    expect(parse(fields, { ...typed, name: 'x', pages: '7', is_fast: '' })).toEqual({
      params: { pages: 7, name: 'x', is_fast: false, mode: 'a', options: {} },
      problems: {},
    });
  });

  it('says what is wrong with each field', () => {
    const { problems } = parse(fields, { ...typed, pages: '1.5', speed: 'fast', options: '{' });
    expect(Object.entries(problems).map(([name, { key }]) => [name, key])).toEqual([
      ['pages', 'form.integer'],
      ['speed', 'form.number'],
      ['options', 'form.json'],
    ]);
  });

  it('needs no parameters where the schema has none', () => {
    expect(parse(fieldsOf({ type: 'object' }), {})).toEqual({ params: {}, problems: {} });
  });
});
