import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isTerminal } from '../src/model.ts';
import {
  emptyEntry,
  enterEpoch,
  type JobEntry,
  LOGS_MAX,
  PARTS_MAX,
  takeEvent,
  takeHistory,
  takeView,
} from '../src/reduce.ts';
import type { JobChannelEvent, JobEvent } from '../src/wire.ts';
import { FakeJob } from './support/fakeJob.ts';

function follow(entry: JobEntry, events: readonly JobChannelEvent[]): JobEntry {
  return events.reduce(takeEvent, entry);
}

function started(): FakeJob {
  return new FakeJob('j1', ['parsing', 'indexing']).start();
}

describe('the reducer', () => {
  test('ends with what the server shows, from the first snapshot and every event', () => {
    const job = started();
    const first = takeEvent(emptyEntry('j1'), job.snapshot);
    const known = job.events.length;
    job.phase('parsing').progress(30).phase('indexing').log('half').save([1]).complete([1, 2]);
    const entry = follow(first, job.events.slice(known));
    expect(entry.job).toEqual(job.view);
  });

  test('keeps the same object for an event that it has already', () => {
    const job = started().progress(10);
    const entry = takeEvent(emptyEntry('j1'), job.snapshot);
    expect(follow(entry, job.events)).toBe(entry);
  });

  test('never lowers the percent, in an event, a snapshot or a summary', () => {
    const job = started().progress(60);
    const entry = takeEvent(emptyEntry('j1'), job.snapshot);
    const seq = job.view.seq + 1;
    const lower = { percent: 20, phase: null };
    const event = { ...job.events.at(-1), type: 'progress', seq, progress: lower } as JobEvent;
    const view = { ...job.summary, seq: seq + 1, progress: lower };
    const after = takeView(takeEvent(entry, event), view, { isFull: false });
    expect(after.job?.progress.percent).toBe(60);
    expect(after.viewSeq).toBe(seq + 1);
  });

  test('lets nothing leave a terminal state', () => {
    const job = started().complete('done');
    const entry = takeEvent(emptyEntry('j1'), job.snapshot);
    const seq = job.view.seq + 1;
    const late = { ...job.events[0], type: 'state', from: 'completed', to: 'running', seq };
    expect(takeEvent(entry, late as JobEvent).job?.state).toBe('completed');
  });

  test('does not go back to an answer that was slow', () => {
    const job = started();
    const slow = structuredClone(job.view);
    const entry = takeEvent(emptyEntry('j1'), job.snapshot);
    const known = job.events.length;
    job.phase('parsing').save([1]);
    const newer = follow(entry, job.events.slice(known));
    expect(takeView(newer, slow, { isFull: true })).toBe(newer);
  });

  test('ignores a type of event that it does not know', () => {
    const job = started();
    const entry = takeEvent(emptyEntry('j1'), job.snapshot);
    const odd = { ...job.events[0], type: 'weather', seq: job.view.seq + 1 };
    const after = takeEvent(entry, odd as unknown as JobEvent);
    expect(after.job).toEqual({ ...job.view, seq: job.view.seq + 1 });
  });

  test('takes lines and chunks even when a list has told the newer state already', () => {
    const job = started();
    const entry = takeEvent(emptyEntry('j1'), job.snapshot);
    const known = job.events.length;
    job.log('one').emit('tokens', 'a').complete({ ok: true });
    const told = takeView(entry, job.summary, { isFull: false });
    expect(told.job?.state).toBe('completed');
    expect(told.job?.result).toBeUndefined();
    const after = follow(told, job.events.slice(known));
    expect(after.job).toEqual(job.view);
    expect(after.logs.map((line) => line.message)).toEqual(['one']);
    expect(after.streams.tokens?.map((part) => part.chunk)).toEqual(['a']);
  });

  test('shows of a stream only what the last attempt said', () => {
    const job = started().emit('tokens', 'old').fail('again', { retryable: true }).due().start();
    job.emit('tokens', 'new').emit('tokens', 'est');
    const live = follow(emptyEntry('j1'), job.events);
    expect(live.streams.tokens?.map((part) => part.chunk)).toEqual(['new', 'est']);
  });

  test('begins anew in another epoch, and holds on to nothing older', () => {
    const job = started().progress(80).log('lost');
    const before = takeEvent(enterEpoch(emptyEntry('j1'), 'e1'), job.snapshot);
    const again = started().progress(5);
    const entered = enterEpoch(before, 'e2');
    expect(entered.job?.progress.percent).toBe(80);
    const after = takeEvent(entered, again.snapshot);
    expect(after.job).toEqual(again.view);
    expect(after.offset).toBe(again.view.seq);
  });

  test('adds lines from before the first snapshot in their order, each once', () => {
    const job = started().log('one').log('two').emit('tokens', 'a');
    const entry = takeEvent(emptyEntry('j1'), job.snapshot);
    job.log('three').emit('tokens', 'b');
    const live = follow(entry, job.events);
    const whole = takeHistory(live, job.events);
    expect(whole.logs.map((line) => line.message)).toEqual(['one', 'two', 'three']);
    expect(whole.streams.tokens?.map((part) => part.chunk)).toEqual(['a', 'b']);
    expect(whole.steps.map((step) => step.type === 'state' && step.to)).toEqual([
      'queued',
      'running',
    ]);
    expect(takeHistory(whole, job.events)).toEqual(whole);
  });

  test('holds no more lines and chunks than the limits say', () => {
    const job = started();
    for (let n = 0; n <= LOGS_MAX; n += 1) job.log(`line ${n}`);
    const entry = follow(emptyEntry('j1'), job.events);
    expect(entry.logs).toHaveLength(LOGS_MAX);
    expect(entry.logs.at(-1)?.message).toBe(`line ${LOGS_MAX}`);
    const parts = Array.from({ length: PARTS_MAX }, (_, seq) => ({ seq, attempt: 1, chunk: seq }));
    const full = { ...emptyEntry('j1'), streams: { tokens: parts } };
    const last = { ...job.events[0], type: 'data', name: 'tokens', chunk: 'x', seq: PARTS_MAX };
    const tokens = takeEvent(full, last as JobEvent).streams.tokens;
    expect(tokens).toHaveLength(PARTS_MAX);
    expect(tokens?.at(-1)?.chunk).toBe('x');
  });
});

type Step = (job: FakeJob) => FakeJob;

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.integer({ min: 0, max: 99 }).map(
    (percent): Step =>
      (job) =>
        job.progress(percent),
  ),
  fc.constant<Step>((job) => job.progress(null)),
  fc.constantFrom('parsing', 'indexing').map(
    (id): Step =>
      (job) =>
        job.phase(id),
  ),
  fc.string({ maxLength: 4 }).map(
    (text): Step =>
      (job) =>
        job.log(text),
  ),
  fc.string({ maxLength: 4 }).map(
    (text): Step =>
      (job) =>
        job.emit('tokens', text),
  ),
  fc.integer().map(
    (value): Step =>
      (job) =>
        job.save(value),
  ),
  fc.constant<Step>((job) => job.fail('again', { retryable: true }).due().start()),
);
const end: fc.Arbitrary<Step> = fc.constantFrom<Step>(
  (job) => job.complete({ ok: true }),
  (job) => job.fail('broken'),
  (job) => job.cancel(),
);

describe('any interleaving', () => {
  test('of snapshots, summaries, repeats and drops ends in what the server shows', () => {
    // What reaches the client after each step of the job.
    const delivery = fc.constantFrom('live', 'drop', 'snapshot', 'summary', 'view', 'repeat');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(step, delivery), { maxLength: 30 }),
        end,
        fc.constantFrom('recover', 'snapshot'),
        (steps, finish, how) => {
          const job = started();
          let entry = takeEvent(enterEpoch(emptyEntry('j1'), 'e1'), job.snapshot);
          let sent = job.events.length;
          let isDown = false;
          const catchUp = (): void => {
            entry = follow(entry, job.events.slice(entry.offset));
            sent = job.events.length;
            isDown = false;
          };
          for (const [act, how] of steps) {
            act(job);
            if (how === 'drop') isDown = true;
            if (how === 'live' && isDown) catchUp();
            if (how === 'snapshot') {
              entry = takeEvent(entry, job.snapshot);
              sent = job.events.length;
              isDown = false;
            }
            if (how === 'summary') entry = takeView(entry, job.summary, { isFull: false });
            if (how === 'view')
              entry = takeView(entry, structuredClone(job.view), { isFull: true });
            if (how === 'repeat') entry = follow(entry, job.events.slice(0, entry.offset));
            if (!isDown) {
              entry = follow(entry, job.events.slice(sent));
              sent = job.events.length;
            }
            expect(entry.job?.progress.percent ?? 0).toBeLessThanOrEqual(
              job.view.progress.percent ?? 0,
            );
          }
          finish(job);
          if (how === 'recover') catchUp();
          else entry = takeEvent(entry, job.snapshot);
          expect(entry.job).toEqual(job.view);
          expect(isTerminal(entry.job?.state ?? 'queued')).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});
