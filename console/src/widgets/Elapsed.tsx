import { isTerminal, type Job } from '@avance/client';
import { formatDuration } from '../i18n/format.ts';
import { useI18n } from '../i18n/I18n.tsx';
import { durationMs } from '../lib/job.ts';
import { useNow } from '../lib/useNow.ts';

/** How long a job has run; it goes on by itself while the job does. */
export function Elapsed({ job }: { job: Job }) {
  const { locale } = useI18n();
  const isRunning = job.started_at !== undefined && !isTerminal(job.state);
  const ms = durationMs(job, useNow(isRunning));
  if (ms === undefined) return '–';
  // Tenths of a running clock would flicker.
  return formatDuration(isRunning ? Math.floor(ms / 1000) * 1000 : ms, locale);
}
