import { AvanceError } from '@avance/client';
import { useEffect, useRef, useState } from 'react';
import { useApi } from '../../lib/useApi.ts';
import type { LivePlan } from './model.ts';

/**
 * The best plan so far. Progress names its revision, which may be told a moment before it is there: it is asked for at each event of the
 * job until it is.
 */
export function useLivePlan(
  job: string,
  revision: number | undefined,
  seq: number,
): LivePlan | undefined {
  const api = useApi();
  const [plan, set] = useState<LivePlan>();
  const reading = useRef<AbortController>(undefined);
  // After a reload nobody may name one again until a better one is found, so the newest is asked for once.
  const wanted = useRef(0);
  const hasAsked = useRef(false);
  const latest = useRef(seq);
  latest.current = seq;
  const [round, again] = useState(0);
  wanted.current = Math.max(wanted.current, revision ?? 0);
  const isBehind = !hasAsked.current || (plan?.plan_rev ?? 0) < wanted.current;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each event of the job has a number, and may have brought the plan
  useEffect(() => {
    if (!isBehind || reading.current !== undefined) return;
    const abort = new AbortController();
    reading.current = abort;
    hasAsked.current = true;
    const path = `/jobs/${encodeURIComponent(job)}/plan`;
    api
      .get<LivePlan>(path, undefined, { signal: abort.signal })
      .then(set, (thrown: unknown) => {
        // What is wrong with the job itself is told by the job.
        if (!(thrown instanceof AvanceError || abort.signal.aborted)) throw thrown;
      })
      .finally(() => {
        if (reading.current !== abort) return;
        reading.current = undefined;
        // What was told meanwhile may be the plan that was not there yet.
        if (latest.current !== seq) again((before) => before + 1);
      });
  }, [api, job, isBehind, revision, seq, plan, round]);
  useEffect(
    () => () => {
      reading.current?.abort();
      reading.current = undefined;
      hasAsked.current = false;
    },
    [],
  );
  return plan;
}
