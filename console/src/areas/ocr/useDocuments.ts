import type { Job } from '@avance/client';
import { useJobs } from '@avance/react';
import { useEffect, useMemo } from 'react';
import { useApi } from '../../lib/useApi.ts';
import { type Pages, useCursor } from '../../lib/useCursor.ts';
import { isOver, type OcrDocument, type Told } from './model.ts';

const PAGE = 50;
const SETTLE_MS = 2_000;

export interface Documents extends Pages<OcrDocument> {
  /** The live jobs of those that are read here. */
  jobs: ReadonlyMap<string, Job>;
}

/** Documents by status; told anew when one of their jobs goes on. */
export function useDocuments(status: string): Documents {
  const api = useApi();
  const ask = useMemo(
    () => async (cursor: string | number | undefined, signal: AbortSignal) => {
      const query = { status, limit: PAGE, ...(cursor !== undefined && { cursor }) };
      const told = await api.get<Told<OcrDocument[]>>('/api/ocr/documents', query, { signal });
      return { items: told.data, cursor: told.cursor ?? null };
    },
    [api, status],
  );
  const pages = useCursor(ask);
  const { jobs: list } = useJobs({ kind: 'ocr.read' });
  const jobs = useMemo(() => new Map(list.map((job) => [job.id, job])), [list]);
  useAgain(pages.again, list);
  // A document ends a moment after its job was cancelled, or by an engine elsewhere.
  useSettled(
    pages.again,
    pages.items.some((one) => !isOver(one) && !isActive(one, jobs)),
  );
  return { ...pages, jobs };
}

function isActive({ jobId }: OcrDocument, jobs: ReadonlyMap<string, Job>): boolean {
  const state = jobs.get(jobId ?? '')?.state;
  return state === 'running' || state === 'queued' || state === 'retrying';
}

/** Ask again whenever a job came, went on or ended. */
export function useAgain(again: () => void, jobs: readonly Job[]): void {
  const states = jobs.map(({ id, state }) => `${id} ${state}`).join();
  useEffect(() => {
    if (states !== '') again();
  }, [states, again]);
}

/** Ask again and again while something is about to change that no job tells of. */
export function useSettled(again: () => void, isOpen: boolean): void {
  useEffect(() => {
    if (!isOpen) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden && navigator.onLine) again();
    }, SETTLE_MS);
    return () => clearInterval(timer);
  }, [again, isOpen]);
}
