import type { JobFilter } from '@avance/client';
import { act, renderHook } from '@testing-library/react';
import { StrictMode } from 'react';
import { describe, expect, test, vi } from 'vitest';
import { problem } from '../../client/test/support/fakeServer.ts';
import {
  useConnection,
  useJob,
  useJobLogs,
  useJobStream,
  useJobs,
  useSubmit,
} from '../src/index.ts';
import { pass, stage } from './support.tsx';

const here = stage();

describe('useJob', () => {
  test('is pending, then shows the job, then follows it to the end', async () => {
    const job = here.server.job('j1', ['parsing']).start();
    const { result } = renderHook(() => useJob('j1'), here);
    expect(result.current).toMatchObject({ isPending: true, percent: null, state: undefined });
    await pass();
    expect(result.current).toMatchObject({ isPending: false, isRunning: true, connection: 'live' });
    here.server.publish(job.phase('parsing').progress(40, { message: 'half way' }));
    await pass();
    expect(result.current).toMatchObject({ percent: 40, message: 'half way' });
    expect(result.current.phases[0]?.state).toBe('running');
    here.server.publish(job.complete({ chunks: 3 }));
    await pass();
    expect(result.current).toMatchObject({ isCompleted: true, isDone: true, percent: 100 });
    expect(result.current.result).toEqual({ chunks: 3 });
  });

  test('waits without a job, and begins when there is one', async () => {
    here.server.job('j1').start();
    const { result, rerender } = renderHook(({ id }) => useJob(id), {
      ...here,
      initialProps: { id: null as string | null },
    });
    await pass(5_000);
    expect(result.current.isPending).toBe(false);
    expect(here.server.opened).toBe(0);
    rerender({ id: 'j1' });
    await pass();
    expect(result.current.isRunning).toBe(true);
  });

  test('tells that a job is not there instead of being pending for ever', async () => {
    const onError = vi.fn();
    const { result } = renderHook(() => useJob('nobody', { onError }), here);
    await pass();
    expect(result.current.isPending).toBe(false);
    expect(result.current.error?.code).toBe('job_not_found');
    expect(onError).toHaveBeenCalledTimes(1);
  });

  test('opens one connection and one subscription, however often it is drawn', async () => {
    here.server.job('j1').start();
    const { rerender } = renderHook(
      () => useJob({ id: 'j1' }, { onProgress: () => undefined, onComplete: () => undefined }),
      here,
    );
    for (let n = 0; n < 100; n += 1) rerender();
    await pass();
    for (let n = 0; n < 100; n += 1) rerender();
    await pass(60_000);
    expect(here.server.opened).toBe(1);
    expect(here.server.subscribes('job:j1')).toBe(1);
  });

  test('in strict mode opens once too, and calls onComplete once', async () => {
    const job = here.server.job('j1').start();
    const onComplete = vi.fn();
    const { wrapper: Wrapper } = here;
    renderHook(() => useJob('j1', { onComplete }), {
      wrapper: ({ children }) => (
        <StrictMode>
          <Wrapper>{children}</Wrapper>
        </StrictMode>
      ),
    });
    await pass();
    here.server.publish(job.complete('ok'));
    await pass();
    here.server.drop();
    await pass(60_000);
    expect(here.server.subscribes('job:j1')).toBe(1);
    expect(onComplete).toHaveBeenCalledTimes(1);
    expect(onComplete.mock.calls[0]?.[0]).toEqual(job.view);
  });

  test('calls onComplete once for each job, also when it comes back to one', async () => {
    const first = here.server.job('j1').start().complete(1);
    const second = here.server.job('j2').start().complete(2);
    const onComplete = vi.fn();
    const { rerender } = renderHook(({ id }) => useJob(id, { onComplete }), {
      ...here,
      initialProps: { id: 'j1' },
    });
    for (const id of ['j1', 'j2', 'j1']) {
      rerender({ id });
      await pass();
    }
    expect(onComplete.mock.calls.map(([job]) => job.id)).toEqual([first.view.id, second.view.id]);
  });

  test('draws once per frame, however many events came, and tells onProgress of each', async () => {
    const job = here.server.job('j1').start();
    const onProgress = vi.fn();
    let draws = 0;
    renderHook(() => {
      draws += 1;
      return useJob('j1', { onProgress });
    }, here);
    await pass();
    draws = 0;
    onProgress.mockClear();
    for (let n = 1; n <= 50; n += 1) here.server.publish(job.progress(n));
    await pass();
    expect(onProgress).toHaveBeenCalledTimes(50);
    expect(draws).toBe(1);
  });

  test('calls the callback of the last render', async () => {
    const job = here.server.job('j1').start();
    const first = vi.fn();
    const last = vi.fn();
    const { rerender } = renderHook(({ onComplete }) => useJob('j1', { onComplete }), {
      ...here,
      initialProps: { onComplete: first },
    });
    await pass();
    rerender({ onComplete: last });
    here.server.publish(job.complete('ok'));
    await pass();
    expect(first).not.toHaveBeenCalled();
    expect(last).toHaveBeenCalledTimes(1);
  });

  test('completes a job with its result even if a list told the end first', async () => {
    const job = here.server.job('j1').start();
    const onComplete = vi.fn();
    renderHook(() => [useJobs(), useJob('j1', { onComplete })], here);
    await pass();
    here.server.publish(job.complete({ chunks: 3 }));
    await pass();
    expect(onComplete).toHaveBeenCalledTimes(1);
    expect(onComplete.mock.calls[0]?.[0].result).toEqual({ chunks: 3 });
  });

  test('a failed job is an error, once, and no completion', async () => {
    const job = here.server.job('j1').start();
    const onComplete = vi.fn();
    const onError = vi.fn();
    const { result } = renderHook(() => useJob('j1', { onComplete, onError }), here);
    await pass();
    here.server.publish(job.fail('the file is empty', { retryable: true }).due().start());
    await pass();
    expect(onError).not.toHaveBeenCalled();
    expect(result.current.error).toBeUndefined();
    here.server.publish(job.fail('the file is empty'));
    await pass();
    expect(result.current).toMatchObject({ isFailed: true, isDone: true });
    expect(result.current.error).toMatchObject({ code: 'ValueError' });
    expect(onError).toHaveBeenCalledTimes(1);
    expect(onComplete).not.toHaveBeenCalled();
  });

  test('fetches a result that is too large to be told', async () => {
    const job = here.server.job('j1').start();
    const { result } = renderHook(() => useJob('j1'), here);
    await pass();
    job.complete({ big: true });
    job.view.result_url = '/v1/jobs/j1/result';
    const told = job.events.find((event) => event.type === 'result');
    if (told?.type === 'result') {
      told.result_url = '/v1/jobs/j1/result';
      delete told.result;
    }
    here.server.publish(job);
    await pass();
    expect(result.current.result).toEqual({ big: true });
  });

  test('cancels, and keeps the last lines', async () => {
    const job = here.server.job('j1').start().log('one');
    const { result } = renderHook(() => useJob('j1', { logs: 2 }), here);
    await pass();
    here.server.publish(job.log('two').log('three'));
    await pass();
    expect(result.current.logs.map((line) => line.message)).toEqual(['two', 'three']);
    await act(() => result.current.cancel());
    await pass();
    expect(result.current).toMatchObject({ isCancelled: true, isFailed: false });
  });

  test('shows what it has while the connection is lost', async () => {
    const job = here.server.job('j1').start().progress(30);
    const { result } = renderHook(() => useJob('j1'), here);
    await pass();
    here.server.stop();
    await pass(10_000);
    expect(result.current).toMatchObject({ connection: 'recovering', percent: 30 });
    job.progress(60);
    here.server.start();
    await pass(30_000);
    expect(result.current).toMatchObject({ connection: 'live', percent: 60 });
  });
});

describe('useJobs', () => {
  test('shows a page, takes in what is new and loads more', async () => {
    for (let n = 0; n < 3; n += 1) here.server.job(`j${n}`).start();
    const { result } = renderHook(() => useJobs({ limit: 2 }), here);
    expect(result.current.isLoading).toBe(true);
    await pass();
    expect(result.current.jobs.map((job) => job.id)).toEqual(['j2', 'j1']);
    here.server.publish(here.server.job('j9').start());
    await pass();
    expect(result.current.jobs.map((job) => job.id)).toEqual(['j9', 'j2', 'j1']);
    await act(() => result.current.fetchMore());
    await pass();
    expect(result.current.jobs).toHaveLength(4);
    expect(result.current.hasMore).toBe(false);
  });

  test('reads once for a filter that is written anew in each render', async () => {
    here.server.job('j1').start();
    const filter = (): JobFilter => ({ state: ['running', 'queued'] });
    const { result, rerender } = renderHook(() => useJobs(filter()), here);
    for (let n = 0; n < 20; n += 1) rerender();
    await pass();
    const reads = here.server.calls.filter((call) => call.path.startsWith('/v1/jobs?'));
    expect(reads).toHaveLength(1);
    expect(result.current.active).toHaveLength(1);
  });
});

describe('useSubmit', () => {
  test('submits a task by name and follows it', async () => {
    const { result } = renderHook(() => useSubmit<{ path: string }, number>('shop.ingest'), here);
    expect(result.current.isPending).toBe(false);
    act(() => result.current.submit({ path: 'a.pdf' }));
    expect(result.current.isSubmitting).toBe(true);
    await pass();
    expect(result.current).toMatchObject({ isSubmitting: false, isQueued: true });
    const [job] = [...here.server.jobs.values()];
    if (job) here.server.publish(job.start().complete(7));
    await pass();
    expect(result.current.result).toBe(7);
    act(() => result.current.reset());
    expect(result.current.job).toBeUndefined();
  });

  test('follows the handle that a function of the page gives', async () => {
    const job = here.server.job('j1').start();
    const upload = vi.fn(async (_: File) => ({ id: 'j1', token: 'h.e30.s' }));
    const { result } = renderHook(() => useSubmit(upload), here);
    await act(() => result.current.submitAsync(new File(['x'], 'a.txt')));
    await pass();
    expect(result.current.job).toEqual(job.view);
  });

  test('shows a refusal, and throws it where it is awaited', async () => {
    here.server.answer = () => problem(422, 'invalid_params', 'path is missing');
    const { result } = renderHook(() => useSubmit('shop.ingest'), here);
    act(() => result.current.submit({}));
    await pass();
    expect(result.current.error).toMatchObject({ code: 'invalid_params' });
    let thrown: unknown;
    await act(async () => {
      thrown = await result.current.submitAsync({}).catch((error: unknown) => error);
    });
    expect(thrown).toMatchObject({ code: 'invalid_params' });
  });
});

describe('streams and logs', () => {
  test('a stream has what was said before, and what is said now', async () => {
    const job = here.server.job('j1').start().emit('tokens', 'Hel');
    const { result } = renderHook(() => useJobStream<string>('j1', 'tokens'), here);
    await pass();
    here.server.publish(job.emit('tokens', 'lo').emit('other', 'x'));
    await pass();
    expect(result.current).toMatchObject({ parts: ['Hel', 'lo'], text: 'Hello', isDone: false });
    here.server.publish(job.complete('ok'));
    await pass();
    expect(result.current.isDone).toBe(true);
  });

  test('a log keeps to its level and limit', async () => {
    const job = here.server.job('j1').start().log('one').log('two');
    const { result } = renderHook(() => useJobLogs('j1', { limit: 2 }), here);
    const warnings = renderHook(() => useJobLogs('j1', { level: 'warning' }), here);
    await pass();
    here.server.publish(job.log('three'));
    await pass();
    expect(result.current.logs.map((line) => line.message)).toEqual(['two', 'three']);
    expect(warnings.result.current.logs).toEqual([]);
  });
});

test('useConnection tells the state and comes back when asked', async () => {
  here.server.job('j1').start();
  const { result } = renderHook(() => [useConnection(), useJob('j1')] as const, here);
  await pass();
  expect(result.current[0].status).toBe('live');
  here.server.drop(3503, 'force disconnect');
  await pass(60_000);
  expect(result.current[0]).toMatchObject({ status: 'offline', isTerminal: true, code: 3503 });
  act(() => result.current[0].reconnect());
  await pass();
  expect(result.current[0].status).toBe('live');
});

test('a hook without a provider says what is missing', () => {
  // React 18 prints what is thrown as well.
  const said = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  expect(() => renderHook(() => useJob('j1'))).toThrow('<AvanceProvider');
  said.mockRestore();
});
