import { isTerminal, type Job } from '@avance/client';
import type { ReactNode } from 'react';
import { useLocale } from './context.tsx';
import type { Locale } from './locale.ts';
import { ProgressBar } from './ProgressBar.tsx';
import { StateMark } from './StateMark.tsx';
import { type Say, sayIn } from './text.ts';
import { useJob } from './useJob.ts';
import { isOnItsWay, type Upload, type UseUploads } from './useUploads.ts';

export interface UploadListProps {
  uploads: UseUploads;
  locale?: Locale;
  /** What stands below a file once the server has it, such as a link to its result. */
  renderJob?: (job: Job, upload: Upload) => ReactNode;
}

/** Of one bar, this much is the way to the server and the rest the work there. */
const UPLOAD_PERCENT = 20;

/** Files on their way and at work, each with one bar from the first byte to the result. */
export function UploadList({ uploads, locale: own, renderJob }: UploadListProps): ReactNode {
  const say = sayIn(useLocale(own));
  if (uploads.uploads.length === 0) return null;
  const isOver = uploads.uploads.some(({ state }) => !isOnItsWay(state));
  return (
    <section aria-label={say('uploads')}>
      <ul className="avance-list">
        {uploads.uploads.map((upload) => (
          <li key={upload.id}>
            <Row upload={upload} uploads={uploads} say={say} renderJob={renderJob} />
          </li>
        ))}
      </ul>
      {isOver && (
        <button type="button" className="avance-button" onClick={uploads.clear}>
          {say('dismissAll')}
        </button>
      )}
    </section>
  );
}

interface RowProps {
  upload: Upload;
  uploads: UseUploads;
  say: Say;
  renderJob: UploadListProps['renderJob'];
}

function Row({ upload, uploads, say, renderJob }: RowProps): ReactNode {
  const { id, file, state, part } = upload;
  const { job, error: failure, cancel, isDone } = useJob(upload.job);
  const error = upload.error ?? failure;
  const percent = percentOf(upload, job);
  const isMoving = isOnItsWay(state) || (state === 'sent' && job !== undefined && !isDone);
  const words = job && state === 'sent' ? wordsOf(job, say) : say(state);
  const stop = (): void => {
    if (isOnItsWay(state)) uploads.cancel(id);
    // A cancel that is refused leaves the job as it is, and the next event says how.
    else void cancel().catch(() => undefined);
  };
  return (
    <div className="avance-job" data-state={job?.state ?? state}>
      <div className="avance-job-head">
        <span className="avance-job-name">{file.name}</span>
        {job ? <StateMark state={job.state} say={say} /> : <span>{say(state)}</span>}
        {isMoving && (
          <button type="button" className="avance-button" onClick={stop}>
            {say('cancel')}
            <span className="avance-hidden"> {file.name}</span>
          </button>
        )}
        {(state === 'failed' || state === 'cancelled') && (
          <button type="button" className="avance-button" onClick={() => uploads.retry(id)}>
            {say('retry')}
            <span className="avance-hidden"> {file.name}</span>
          </button>
        )}
      </div>
      <ProgressBar
        percent={percent}
        label={file.name}
        text={`${Math.floor(percent)} %, ${words}`}
      />
      <div className="avance-job-details">
        {state === 'sending' ? `${Math.floor(part * 100)} %` : words}
      </div>
      {error && <div className="avance-job-error">{error.message}</div>}
      {job && renderJob?.(job, upload)}
    </div>
  );
}

function percentOf({ state, part, job: like }: Upload, job: Job | undefined): number {
  if (state !== 'sent') return part * UPLOAD_PERCENT;
  if (!like || job?.state === 'completed') return 100;
  return UPLOAD_PERCENT + ((job?.progress.percent ?? 0) * (100 - UPLOAD_PERCENT)) / 100;
}

function wordsOf(job: Job, say: Say): string {
  const { phase, message } = job.progress;
  const doing = message ?? job.phases?.find((one) => one.id === phase)?.label ?? phase;
  return isTerminal(job.state) || !doing ? say(job.state) : doing;
}
