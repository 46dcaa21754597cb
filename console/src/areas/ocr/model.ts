export const STATUSES = ['pending', 'processing', 'completed', 'failed'] as const;
export type Status = (typeof STATUSES)[number];
export const DECISIONS = ['APPROVED', 'MANUAL_REVIEW', 'REJECTED'] as const;
export type Decision = (typeof DECISIONS)[number];
export const EXPORTS = ['pdf', 'json', 'csv'] as const;
export type Export = (typeof EXPORTS)[number];

export interface Observation {
  rule: string;
  severity: string;
  reason?: string;
  message?: string;
  expected?: unknown;
  found?: unknown;
}

export interface OcrDocument {
  id: string;
  fileName: string;
  status: Status;
  updatedAt: string;
  ocrResult?: {
    confidence: number;
    extractedText: string;
    fields: Readonly<Record<string, unknown>>;
    fieldConfidence: Readonly<Record<string, number>>;
  };
  error?: string;
  finalDecision?: Decision;
  documentType?: string;
  observations?: readonly Observation[];
  jobId?: string;
  pages?: number;
  reviewedBy?: string;
}

export interface Word {
  text: string;
  /** 0 to 1. */
  confidence: number;
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface PageRead {
  number: number;
  of: number;
  width: number;
  height: number;
  text: string;
  words: readonly Word[];
}

export interface Change {
  timestamp: string;
  author: string;
  action: string;
  before: unknown;
  after: unknown;
}

/** As the contract wraps an answer. */
export interface Told<T> {
  data: T;
  cursor?: string;
}

/** A word below it is marked as unsure. */
export const SURE = 0.7;

export function isOver({ status }: Pick<OcrDocument, 'status'>): boolean {
  return status === 'completed' || status === 'failed';
}

export function pathOf(id: string): string {
  return `/api/ocr/document/${encodeURIComponent(id)}`;
}

/** What was typed over what was read, each in the type that it had. */
export function corrections(
  before: Readonly<Record<string, unknown>>,
  form: FormData,
): Record<string, unknown> {
  const changed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(before)) {
    const typed = String(form.get(`field.${name}`) ?? shown(value)).trim();
    if (typed === shown(value)) continue;
    const asNumber = Number(typed);
    const isNumber = typeof value === 'number' && typed !== '' && Number.isFinite(asNumber);
    changed[name] = isNumber ? asNumber : typed;
  }
  return changed;
}

export function shown(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** What a change of the history changed, a field at a time. */
export function differences({ before, after }: Pick<Change, 'before' | 'after'>): string[] {
  const [from, to] = [flat(before), flat(after)];
  return [...new Set([...from.keys(), ...to.keys()])]
    .filter((name) => from.get(name) !== to.get(name))
    .map((name) => `${name}: ${from.get(name) || '–'} → ${to.get(name) || '–'}`);
}

function flat(value: unknown): Map<string, string> {
  const { fields, ...rest } = (value ?? {}) as Record<string, unknown>;
  return new Map(Object.entries({ ...rest, ...(fields as object) }).map(([k, v]) => [k, shown(v)]));
}
