import type { Step } from '@avance/client';
import { describe, expect, it } from 'vitest';
import { attemptsOf } from './course.ts';

const at = (s: number): string => new Date(s * 1000).toISOString();
const common = { v: 1, seq: 0, job_id: 'j1', reason: '' } as const;
const state = (s: number, to: string, attempt = 1): Step =>
  ({ ...common, type: 'state', ts: at(s), from: null, to, attempt }) as Step;
const phase = (s: number, id: string, to: string): Step =>
  ({
    ...common,
    type: 'phase',
    ts: at(s),
    id,
    label: id.toUpperCase(),
    state: to,
    attempt: 1,
  }) as Step;

describe('the course of a job', () => {
  it('has each attempt with its phases, and what goes on lasts until now', () => {
    const steps = [
      state(0, 'queued'),
      state(1, 'running'),
      phase(1, 'read', 'running'),
      phase(3, 'read', 'done'),
      phase(3, 'write', 'running'),
      state(4, 'retrying'),
      state(6, 'queued', 2),
      state(7, 'running', 2),
      phase(7, 'read', 'running'),
    ];
    expect(attemptsOf(steps, 9_000)).toEqual([
      {
        n: 1,
        fromMs: 1_000,
        toMs: 4_000,
        end: 'retrying',
        phases: [
          { id: 'read', label: 'READ', fromMs: 1_000, toMs: 3_000 },
          { id: 'write', label: 'WRITE', fromMs: 3_000, toMs: 4_000 },
        ],
      },
      {
        n: 2,
        fromMs: 7_000,
        toMs: 9_000,
        end: 'running',
        phases: [{ id: 'read', label: 'READ', fromMs: 7_000, toMs: 9_000 }],
      },
    ]);
  });

  it('is empty for a job that never ran', () => {
    expect(attemptsOf([state(0, 'queued'), state(2, 'cancelled')], 3_000)).toEqual([]);
  });
});
