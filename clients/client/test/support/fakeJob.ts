import type { JobChannelEvent, JobEvent, JobState, JobView, Progress } from '../../src/wire.ts';

type Body<E extends JobEvent = JobEvent> = E extends JobEvent
  ? Omit<E, 'v' | 'seq' | 'job_id' | 'attempt' | 'ts'>
  : never;

const START_MS = Date.UTC(2026, 0, 1);

/**
 * A job as a server keeps it: one record that changes, and the events that tell of it. It knows
 * nothing of the reducer, so that the two can be compared.
 */
export class FakeJob {
  readonly events: JobEvent[] = [];
  readonly view: JobView;
  epoch = 'e1';
  #now: number;

  constructor(id: string, phases: readonly string[] = [], createdMs: number = START_MS) {
    this.#now = createdMs;
    this.view = {
      id,
      kind: 'shop.ingest',
      state: 'queued',
      seq: 0,
      attempt: 1,
      max_attempts: 3,
      progress: { percent: null, phase: null },
      created_at: this.#ts(),
      owner: 'ana',
      meta: { source: 'test' },
      ...(phases.length === 0
        ? {}
        : {
            phases: phases.map((name) => ({ id: name, label: name, weight: 1, state: 'pending' })),
          }),
    };
    this.#move('queued', 'submitted', null);
    this.view.queued_at = this.#ts();
  }

  get channel(): string {
    return `job:${this.view.id}`;
  }

  get snapshot(): JobChannelEvent {
    const { id: job_id, seq, attempt } = this.view;
    const job = structuredClone(this.view);
    return { v: 1, type: 'snapshot', job_id, seq, attempt, ts: this.#ts(), job };
  }

  get summary(): JobView {
    const {
      phases: _,
      result: __,
      result_url: ___,
      meta: ____,
      ...rest
    } = structuredClone(this.view);
    const { result_is_partial: _____, ...light } = rest;
    return light;
  }

  start(): this {
    this.#tick();
    this.view.started_at ??= this.#ts();
    return this.#move('running', 'claimed');
  }

  progress(percent: number | null, more: Partial<Progress> = {}): this {
    this.#tick();
    const shown = this.view.progress.percent;
    const highest = percent === null ? shown : Math.max(percent, shown ?? 0);
    this.view.progress = { ...this.view.progress, ...more, percent: highest };
    return this.#tell({ type: 'progress', progress: { ...this.view.progress } });
  }

  phase(id: string): this {
    this.#tick();
    const ts = this.#ts();
    for (const phase of this.view.phases ?? []) {
      if (phase.state === 'running' && phase.id !== id) {
        Object.assign(phase, { state: 'done', ended_at: ts });
        this.#tell({
          type: 'phase',
          id: String(phase.id),
          label: String(phase.label),
          state: 'done',
        });
      }
      if (phase.id === id && phase.state === 'pending') {
        Object.assign(phase, { state: 'running', started_at: ts });
        this.#tell({ type: 'phase', id, label: String(phase.label), state: 'running' });
      }
    }
    return this;
  }

  log(message: string): this {
    this.#tick();
    return this.#tell({ type: 'log', level: 'info', message });
  }

  emit(name: string, chunk: unknown): this {
    this.#tick();
    return this.#tell({ type: 'data', name, chunk });
  }

  save(result: unknown): this {
    this.#tick();
    this.view.result = result;
    this.view.result_is_partial = true;
    return this.#tell({ type: 'result', result, is_partial: true });
  }

  complete(result: unknown): this {
    this.#tick();
    this.view.result = result;
    delete this.view.result_is_partial;
    this.#tell({ type: 'result', result });
    this.progress(100);
    return this.#end('completed', 'done');
  }

  fail(message: string, { retryable = false } = {}): this {
    this.#tick();
    const error = { kind: 'error', code: 'ValueError', message, retryable, traceback: null };
    this.view.error = error;
    this.#tell({ type: 'error', error });
    if (!retryable) return this.#end('failed', 'error');
    this.view.not_before = this.#ts();
    return this.#move('retrying', 'error', this.view.state, { not_before: this.view.not_before });
  }

  due(): this {
    this.#tick();
    this.view.attempt += 1;
    delete this.view.not_before;
    this.view.queued_at = this.#ts();
    return this.#move('queued', 'due');
  }

  cancel(): this {
    this.#tick();
    this.view.cancel_requested = true;
    this.view.error = {
      kind: 'cancelled',
      code: 'cancelled',
      message: 'The job was cancelled.',
      retryable: false,
      traceback: null,
    };
    return this.#end('cancelled', 'cancelled');
  }

  #end(state: JobState, reason: string): this {
    this.view.ended_at = this.#ts();
    return this.#move(state, reason);
  }

  #move(
    to: JobState,
    reason: string,
    from: JobState | null = this.view.state,
    more: { not_before?: string } = {},
  ): this {
    this.view.state = to;
    return this.#tell({ type: 'state', from, to, reason, ...more });
  }

  #tell(body: Body): this {
    this.view.seq += 1;
    const { seq, attempt, id: job_id } = this.view;
    this.events.push({ v: 1, seq, job_id, attempt, ts: this.#ts(), ...body } as JobEvent);
    return this;
  }

  #tick(): void {
    this.#now += 100;
  }

  #ts(): string {
    return new Date(this.#now).toISOString();
  }
}
