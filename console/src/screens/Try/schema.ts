// From the JSON schema of a task's parameters to fields, and from what was typed to values.

import type { Key } from '../../i18n/en.ts';
import type { Values } from '../../i18n/translate.ts';

export type Kind = 'text' | 'integer' | 'number' | 'boolean' | 'choice' | 'json';

export interface Field {
  name: string;
  label: string;
  hint: string | undefined;
  kind: Kind;
  isRequired: boolean;
  /** As it is typed; booleans as `true` and an empty text. */
  initial: string;
  choices: readonly string[];
  min: number | undefined;
  max: number | undefined;
}

export type Typed = Readonly<Record<string, string>>;
export interface Problem {
  key: Key;
  values?: Values;
}
export interface Parsed {
  params: Record<string, unknown>;
  problems: Record<string, Problem>;
}

interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  type?: string | string[];
  title?: string;
  description?: string;
  enum?: unknown[];
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  default?: unknown;
  minimum?: number;
  maximum?: number;
}

export function fieldsOf(params: Record<string, unknown>): Field[] {
  const root = params as Schema;
  const { properties = {}, required = [] } = resolved(root, root);
  return Object.entries(properties).map(([name, given]) => {
    const schema = resolved(given, root);
    const kind = kindOf(schema);
    return {
      name,
      label: schema.title ?? name,
      hint: given.description ?? schema.description,
      kind,
      isRequired: required.includes(name),
      initial: initialOf(given.default ?? schema.default, kind),
      choices: kind === 'choice' ? (schema.enum ?? []).map(String) : [],
      min: schema.minimum,
      max: schema.maximum,
    };
  });
}

export function parse(fields: readonly Field[], typed: Typed): Parsed {
  const params: Record<string, unknown> = {};
  const problems: Record<string, Problem> = {};
  for (const field of fields) {
    const text = typed[field.name] ?? '';
    const isLeftOut = text.trim() === '' && field.kind !== 'boolean';
    if (isLeftOut && field.isRequired && field.kind !== 'text') {
      problems[field.name] = { key: 'form.required' };
    } else if (
      !isLeftOut ||
      (field.kind === 'text' && (field.isRequired || field.initial !== ''))
    ) {
      const read = readText(field, text);
      if ('problem' in read) problems[field.name] = read.problem;
      else params[field.name] = read.value;
    }
  }
  return { params, problems };
}

function readText({ kind }: Field, text: string): { value: unknown } | { problem: Problem } {
  switch (kind) {
    case 'integer':
      return /^\s*[-+]?\d+\s*$/.test(text)
        ? { value: Number(text) }
        : { problem: { key: 'form.integer' } };
    case 'number':
      return Number.isFinite(Number(text))
        ? { value: Number(text) }
        : { problem: { key: 'form.number' } };
    case 'boolean':
      return { value: text === 'true' };
    case 'json':
      return readJson(text);
    default:
      return { value: text };
  }
}

function readJson(text: string): { value: unknown } | { problem: Problem } {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    return { problem: { key: 'form.json', values: { why: (error as SyntaxError).message } } };
  }
}

function kindOf(schema: Schema): Kind {
  if (schema.enum?.every((one) => typeof one === 'string')) return 'choice';
  switch (schema.type) {
    case 'string':
      return 'text';
    case 'integer':
    case 'number':
    case 'boolean':
      return schema.type;
    default:
      return 'json';
  }
}

function initialOf(value: unknown, kind: Kind): string {
  if (value === undefined || value === null) return '';
  if (kind === 'json') return JSON.stringify(value);
  return kind === 'boolean' ? (value ? 'true' : '') : String(value);
}

/** Follow references, and see through "this or null". */
function resolved(schema: Schema, root: Schema): Schema {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1) ?? '';
    return { ...root.$defs?.[name], ...without(schema) };
  }
  const others = schema.anyOf?.filter((one) => one.type !== 'null') ?? [];
  return others.length === 1 && others[0] ? { ...schema, ...resolved(others[0], root) } : schema;
}

function without({ $ref: _, $defs: __, ...rest }: Schema): Schema {
  return rest;
}
