import type { AvanceError, Job } from '@avance/client';
import { type Upload, type UseUploads, useJob } from '@avance/react';
import { Link } from 'wouter';
import { useI18n } from '../../i18n/I18n.tsx';
import { sayError } from '../../lib/sayError.ts';
import { Bar } from './Bar.tsx';
import css from './FileRow.module.css';
import type { IngestResult } from './model.ts';
import { counted, percentOf, signOf, stageOf } from './stage.ts';
import { type TextKey, useTexts } from './texts.ts';

export interface FileRowProps {
  upload: Upload;
  uploads: UseUploads;
  /** The server has read it, or gave up. */
  onEnd?: (end: 'completed' | 'failed') => void;
}

/** One file, with one bar from its first byte to its last passage. */
export function FileRow({ upload, uploads, onEnd }: FileRowProps) {
  const { t } = useTexts();
  const { job, result, error, cancel } = useJob<IngestResult>(upload.job, {
    onComplete: () => onEnd?.('completed'),
    onError: () => onEnd?.('failed'),
  });
  const stage = stageOf(upload, job);
  const failure = upload.error ?? error;
  const { name } = upload.file;
  return (
    <li className={css.row} data-stage={stage.slice('stage.'.length)}>
      <div className={css.head}>
        <span className={css.name}>{name}</span>
        <Buttons upload={upload} uploads={uploads} stage={stage} cancel={cancel} />
      </div>
      <Bar name={name} percent={percentOf(upload, job)} words={t(stage)} />
      <Words stage={stage} job={job} result={result} />
      {failure && <Failure failure={failure} />}
    </li>
  );
}

interface WordsProps {
  stage: TextKey;
  job: Job | undefined;
  result: IngestResult | undefined;
}

function Words({ stage, job, result }: WordsProps) {
  const { t } = useTexts();
  const count = counted(job);
  const isDuplicate = result && result.documents.length === 0 && result.duplicates.length > 0;
  const document = result?.documents[0]?.document_id ?? result?.duplicates[0]?.duplicate_of;
  return (
    <p className={css.words}>
      <span aria-hidden="true">{signOf(stage)}</span>
      <span data-testid="stage">{t(stage)}</span>
      {count && <span data-testid="count">{t('row.chunks', count)}</span>}
      {result && !isDuplicate && <span>{t('row.result', { n: result.chunks })}</span>}
      {isDuplicate && <span data-testid="duplicate">{t('row.duplicate')}</span>}
      {document && (
        <Link href={`/documents/list/${encodeURIComponent(document)}`}>{t('row.open')}</Link>
      )}
    </p>
  );
}

function Failure({ failure }: { failure: Pick<AvanceError, 'code' | 'message'> }) {
  const { t } = useTexts();
  const { t: common } = useI18n();
  const isType = failure.code === 'extension_not_allowed' || failure.code === 'document_kind';
  return (
    <p className={css.error} role="alert">
      {isType ? t('row.unsupported') : sayError(failure, common)}
    </p>
  );
}

interface ButtonsProps {
  upload: Upload;
  uploads: UseUploads;
  stage: TextKey;
  cancel: () => Promise<unknown>;
}

const ENDS: ReadonlySet<TextKey> = new Set(['stage.completed', 'stage.failed', 'stage.cancelled']);

function Buttons({ upload: { id, state, file }, uploads, stage, cancel }: ButtonsProps) {
  const { t } = useTexts();
  const values = { name: file.name };
  const stop = (): void => {
    if (state !== 'sent') uploads.cancel(id);
    // A cancel that is refused leaves the job as it is, and the next event says how.
    else void cancel().catch(() => undefined);
  };
  if (!ENDS.has(stage)) {
    return (
      <button type="button" aria-label={t('row.cancel', values)} onClick={stop}>
        {t('cancel')}
      </button>
    );
  }
  return (
    <span className={css.buttons}>
      {stage !== 'stage.completed' && (
        <button type="button" aria-label={t('row.retry', values)} onClick={() => uploads.retry(id)}>
          {t('retry')}
        </button>
      )}
      <button
        type="button"
        aria-label={t('row.dismiss', values)}
        onClick={() => uploads.dismiss(id)}
      >
        {t('dismiss')}
      </button>
    </span>
  );
}
