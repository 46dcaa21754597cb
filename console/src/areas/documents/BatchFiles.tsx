import type { Job } from '@avance/client';
import { useJobs } from '@avance/react';
import { Link } from 'wouter';
import { useI18n } from '../../i18n/I18n.tsx';
import { useAct } from '../../lib/useAct.ts';
import { useApi } from '../../lib/useApi.ts';
import { useOnline } from '../../lib/useOnline.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { StateMark } from '../../widgets/StateMark.tsx';
import { Bar } from './Bar.tsx';
import css from './Batches.module.css';
import row from './FileRow.module.css';
import type { BatchFile, BatchStanding } from './model.ts';
import { counted, fileStageOf, signOf } from './stage.ts';
import { useTexts } from './texts.ts';
import { useRunning } from './useBatch.ts';

/** Among the newest so many jobs of the reader, the ones that repeat a file of the batch are found. */
const REPEATS_MAX = 200;

export interface BatchFilesProps {
  standing: BatchStanding;
  isLoading: boolean;
  onMore: () => void;
}

/** The files of a batch, each with its bar. */
export function BatchFiles({ standing, isLoading, onMore }: BatchFilesProps) {
  const { t } = useTexts();
  const { t: common } = useI18n();
  const { batch, documents, statistics } = standing;
  const running = useRunning(batch.job_id);
  // The server keeps what repeats a job as a job of its own, which names the old one.
  const { jobs } = useJobs({ kind: 'documents.ingest', limit: REPEATS_MAX });
  const repeatOf = (id: string | null): Job | undefined =>
    id === null ? undefined : jobs.find(({ retry_of }) => retry_of === id);
  return (
    <section>
      <h2>{t('batch.files')}</h2>
      <ul className={css.files}>
        {documents.map((file) => (
          <File
            key={file.id}
            file={file}
            job={running.get(file.job_id ?? '')}
            repeat={repeatOf(file.job_id)}
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
  /** The newest job that repeats it. */
  repeat: Job | undefined;
}

function File({ file, job, repeat }: FileProps) {
  const { t } = useTexts();
  const stage = fileStageOf(file, job);
  const count = counted(job);
  const isDone = file.status === 'completed';
  const percent = isDone ? 100 : (job?.progress.percent ?? 0);
  return (
    <li className={row.row} data-stage={stage.slice('stage.'.length)}>
      <div className={row.head}>
        <span className={row.name}>{file.filename}</span>
        {file.status === 'failed' && file.job_id && (
          <Again name={file.filename} job={file.job_id} isBusy={!!repeat && !repeat.ended_at} />
        )}
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
      {repeat && (
        <p className={row.words} data-testid="repeat">
          {t('batch.retried')} <StateMark state={repeat.state} />{' '}
          <Link href={`/jobs/${encodeURIComponent(repeat.id)}`}>{t('row.open')}</Link>
        </p>
      )}
    </li>
  );
}

function Again({ name, job, isBusy }: { name: string; job: string; isBusy: boolean }) {
  const { t } = useTexts();
  const api = useApi();
  const isOnline = useOnline();
  const act = useAct();
  return (
    <>
      <button
        type="button"
        aria-label={t('row.retry', { name })}
        disabled={act.isBusy || isBusy || !isOnline}
        onClick={() =>
          void act.act(async () => {
            await api.post(`/v1/jobs/${encodeURIComponent(job)}/retry`);
            return `${t('batch.retried')} ${name}`;
          })
        }
      >
        {t('retry')}
      </button>
      {act.error && <ErrorNotice title={t('batch.notRetried')} error={act.error} />}
    </>
  );
}
