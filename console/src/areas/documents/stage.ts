import { isTerminal, type Job } from '@avance/client';
import type { Upload } from '@avance/react';
import type { BatchFile } from './model.ts';
import type { TextKey } from './texts.ts';

/** Of one bar, this much is the way to the server and the rest the work there. */
const UPLOAD_PERCENT = 20;

/** The sign of each stage; it stands beside its word and is hidden from readers. */
const SIGNS: Readonly<Record<string, string>> = {
  'stage.waiting': '📥',
  'stage.sending': '📥',
  'stage.queued': '📥',
  'stage.processing': '📥',
  'stage.extracting': '🔍',
  'stage.chunking': '✂️',
  'stage.enriching': '✨',
  'stage.indexing': '🗂️',
  'stage.completed': '✅',
  'stage.failed': '❌',
  'stage.cancelled': '❌',
};

const PHASES: Readonly<Record<string, TextKey>> = {
  extracting: 'stage.extracting',
  chunking: 'stage.chunking',
  enriching: 'stage.enriching',
  indexing: 'stage.indexing',
};

/** Where a file is, from the moment it was dropped. */
export function stageOf(upload: Upload, job: Job | undefined): TextKey {
  if (upload.state !== 'sent') return `stage.${upload.state}`;
  if (job === undefined) return 'stage.queued';
  switch (job.state) {
    case 'completed':
    case 'failed':
    case 'cancelled':
      return `stage.${job.state}`;
    case 'expired':
      return 'stage.failed';
    case 'scheduled':
    case 'queued':
      return job.attempt > 1 ? 'stage.processing' : 'stage.queued';
    default:
      return phaseOf(job);
  }
}

/** Where a file of a batch is; its job is known while it runs. */
export function fileStageOf({ status }: Pick<BatchFile, 'status'>, job: Job | undefined): TextKey {
  if (status === 'completed' || status === 'failed') return `stage.${status}`;
  if (job !== undefined) return phaseOf(job);
  return status === 'pending' ? 'stage.queued' : 'stage.processing';
}

function phaseOf(job: Job): TextKey {
  return PHASES[job.progress.phase ?? ''] ?? 'stage.processing';
}

export function signOf(stage: TextKey): string {
  return SIGNS[stage] ?? '';
}

/** One bar for both halves; a file that failed keeps the point that it reached. */
export function percentOf({ state, part }: Upload, job: Job | undefined): number {
  if (state !== 'sent') return part * UPLOAD_PERCENT;
  if (job?.state === 'completed') return 100;
  return UPLOAD_PERCENT + ((job?.progress.percent ?? 0) * (100 - UPLOAD_PERCENT)) / 100;
}

/** Passages done and in all, while they are counted. */
export function counted(job: Job | undefined): { current: number; total: number } | undefined {
  if (job === undefined || isTerminal(job.state)) return undefined;
  const { unit, current, total } = job.progress;
  return unit === 'chunk' && current !== undefined && total ? { current, total } : undefined;
}
