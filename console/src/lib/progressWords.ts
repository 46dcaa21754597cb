import { isTerminal, type Job } from '@avance/client';
import { formatDuration } from '../i18n/format.ts';
import type { Locale, Translate } from '../i18n/translate.ts';
import { durationMs, shownPercent } from './job.ts';

/** Before that, an estimate says more than is known. */
const ETA_PERCENT_MIN = 5;
const ETA_AFTER_MS = 10_000;

/** How far a job is, in words: percent, what it does, count, time left, attempt. */
export function progressWords(job: Job, t: Translate, locale: Locale): string[] {
  const { phase, message, current, total, unit } = job.progress;
  const words: string[] = [];
  const percent = shownPercent(job);
  if (percent !== null) words.push(t('progress.percent', { percent: Math.floor(percent) }));
  if (!isTerminal(job.state)) {
    const doing = message ?? job.phases?.find((one) => one.id === phase)?.label ?? phase;
    if (doing) words.push(doing);
    else if (current !== undefined && total !== undefined) {
      words.push(`${t('progress.count', { current, total })} ${unit ?? ''}`.trim());
    }
    const left = timeLeft(job, locale);
    if (left !== undefined) words.push(t('progress.left', { time: left }));
  }
  if (job.attempt > 1) {
    words.push(t('progress.attempt', { n: job.attempt, max: job.max_attempts }));
  }
  return words;
}

function timeLeft(job: Job, locale: Locale): string | undefined {
  const { eta_s, percent } = job.progress;
  if (eta_s === undefined || percent === null || percent < ETA_PERCENT_MIN) return undefined;
  if ((durationMs(job, Date.now()) ?? 0) < ETA_AFTER_MS) return undefined;
  const step_s = eta_s < 60 ? 5 : 60;
  return formatDuration(Math.ceil(eta_s / step_s) * step_s * 1000, locale);
}
