import type { Job } from '@avance/client';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useI18n } from '../../i18n/I18n.tsx';
import { AgainButton } from './AgainButton.tsx';
import { Bar } from './Bar.tsx';
import css from './Batches.module.css';
import row from './FileRow.module.css';
import type { BatchFile, BatchStanding } from './model.ts';
import { counted, fileStageOf, signOf } from './stage.ts';
import { useTexts } from './texts.ts';
import { useRunning } from './useBatch.ts';

export interface BatchFilesProps {
  standing: BatchStanding;
  isLoading: boolean;
  onMore: () => void;
  onChanged: () => void;
}

/** The files of a batch, each with its bar. */
export function BatchFiles({ standing, isLoading, onMore, onChanged }: BatchFilesProps) {
  const { t } = useTexts();
  const { t: common } = useI18n();
  const { batch, documents, statistics } = standing;
  const running = useRunning(batch.job_id);
  return (
    <section>
      <h2>{t('batch.files')}</h2>
      <ul className={css.files}>
        {documents.map((file) => (
          <File
            key={file.id}
            file={file}
            job={running.get(file.job_id ?? '')}
            again={
              file.status === 'failed' &&
              file.job_id && <AgainButton batch={batch.id} file={file} onBegun={onChanged} />
            }
          />
        ))}
      </ul>
      <p className={css.row}>
        <span>{common('more.count', { n: documents.length })}</span>
        {documents.length < statistics.total && (
          <button type="button" disabled={isLoading} onClick={onMore}>
            {common('more.show')}
          </button>
        )}
      </p>
    </section>
  );
}

interface FileProps {
  file: BatchFile;
  /** While it runs. */
  job: Job | undefined;
  /** Where it can be tried once more, the button that does it. */
  again: ReactNode;
}

function File({ file, job, again }: FileProps) {
  const { t } = useTexts();
  const stage = fileStageOf(file, job);
  const count = counted(job);
  const isDone = file.status === 'completed';
  const percent = isDone ? 100 : (job?.progress.percent ?? 0);
  return (
    <li className={row.row} data-stage={stage.slice('stage.'.length)} data-job={file.job_id}>
      <div className={row.head}>
        <span className={row.name}>{file.filename}</span>
        {again}
      </div>
      <Bar name={file.filename} percent={percent} words={t(stage)} />
      <p className={row.words}>
        <span aria-hidden="true">{signOf(stage)}</span>
        <span data-testid="stage">{t(stage)}</span>
        {count && <span data-testid="count">{t('row.chunks', count)}</span>}
        {isDone && <span>{t('row.result', { n: file.chunk_count })}</span>}
        {isDone && file.chunk_count > 0 && (
          <Link href={`/documents/list/${encodeURIComponent(file.id)}`}>{t('row.open')}</Link>
        )}
      </p>
      {file.error_message && <p className={row.error}>{file.error_message}</p>}
    </li>
  );
}
