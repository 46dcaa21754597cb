import type { Job } from '@avance/client';
import type { Upload } from '@avance/react';
import { describe, expect, it } from 'vitest';
import { csvOf } from './csv.ts';
import { en } from './en.ts';
import { es } from './es.ts';
import { counted, percentOf, signOf, stageOf } from './stage.ts';

const upload = (over: Partial<Upload> = {}): Upload => ({
  id: 1,
  file: new File(['x'], 'informe.pdf'),
  state: 'sent',
  part: 1,
  job: 'job',
  error: undefined,
  ...over,
});

const job = (over: Partial<Job>, progress: Partial<Job['progress']> = {}): Job => ({
  id: 'job',
  kind: 'documents.ingest',
  state: 'running',
  seq: 1,
  attempt: 1,
  max_attempts: 3,
  created_at: '2026-01-01T00:00:00.000Z',
  progress: { percent: null, phase: null, ...progress },
  ...over,
});

describe('the words of a file', () => {
  it('go from the upload to the end as docs/contract/ingest.md 000-24 says, in both languages (000-25)', () => {
    const course = [
      stageOf(upload({ state: 'sending', part: 0.5 }), undefined),
      stageOf(upload(), job({ state: 'queued' })),
      stageOf(upload(), job({ state: 'running' })),
      stageOf(upload(), job({ state: 'running' }, { phase: 'extracting' })),
      stageOf(upload(), job({ state: 'running' }, { phase: 'indexing' })),
      stageOf(upload(), job({ state: 'completed' })),
    ];
    expect(course.map((stage) => es[stage])).toEqual([
      'Subiendo archivo...',
      'En cola...',
      'Procesando documento...',
      'Analizando documento...',
      'Indexando contenido...',
      'Completado',
    ]);
    expect(course.map((stage) => en[stage])).toEqual([
      'Uploading file...',
      'In the queue...',
      'Processing document...',
      'Analyzing document...',
      'Indexing content...',
      'Completed',
    ]);
  });

  it('have the signs of docs/contract/uploads.md 003-06', () => {
    const phases = ['extracting', 'chunking', 'enriching', 'indexing'];
    const stages = [
      stageOf(upload(), job({ state: 'queued' })),
      ...phases.map((phase) => stageOf(upload(), job({}, { phase }))),
      stageOf(upload(), job({ state: 'completed' })),
      stageOf(upload(), job({ state: 'failed' })),
    ];
    expect(stages.map(signOf)).toEqual(['📥', '🔍', '✂️', '✨', '🗂️', '✅', '❌']);
  });

  it('do not call a repeated attempt queued', () => {
    expect(stageOf(upload(), job({ state: 'queued', attempt: 2 }))).toBe('stage.processing');
  });
});

describe('the bar of a file', () => {
  it('is one, from the first byte to the last passage', () => {
    const shown = [
      percentOf(upload({ state: 'waiting', part: 0 }), undefined),
      percentOf(upload({ state: 'sending', part: 0.5 }), undefined),
      percentOf(upload(), undefined),
      percentOf(upload(), job({}, { percent: 25 })),
      percentOf(upload(), job({ state: 'completed' }, { percent: 100 })),
    ];
    expect(shown).toEqual([0, 10, 20, 40, 100]);
  });

  it('stays where it was when the work failed', () => {
    expect(percentOf(upload(), job({ state: 'failed' }, { percent: 50 }))).toBe(60);
  });

  it('counts passages, and nothing else', () => {
    const at = { phase: 'chunking', current: 4, total: 10 };
    expect(counted(job({}, { ...at, unit: 'chunk' }))).toEqual({ current: 4, total: 10 });
    expect(counted(job({}, { ...at, phase: 'extracting' }))).toBeUndefined();
    expect(counted(job({ state: 'completed' }, { ...at, unit: 'chunk' }))).toBeUndefined();
  });
});

describe('a list as CSV', () => {
  it('quotes what needs it and defuses formulas', () => {
    expect(
      csvOf([
        ['Archivo', 'Pasajes'],
        ['a "b", c.pdf', 3],
        ['=1+1.txt', 0],
      ]),
    ).toBe('\uFEFFArchivo,Pasajes\r\n"a ""b"", c.pdf",3\r\n\'=1+1.txt,0\r\n');
  });
});
