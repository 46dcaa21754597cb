import { type UseUploads, useUploads } from '@avance/react';
import { useState } from 'react';
import { useApi } from '../../lib/useApi.ts';
import { DropZone } from '../../widgets/DropZone.tsx';
import css from './Drop.module.css';
import { FileRow } from './FileRow.tsx';
import { ACCEPT } from './model.ts';
import { useTexts } from './texts.ts';

export interface DropProps {
  collection: string;
  onComplete: () => void;
}

interface Queued {
  job_id: string;
}

type End = 'completed' | 'failed';
type Ends = Readonly<Record<number, End>>;

/** Where files are dropped, and what becomes of each. */
export function Drop({ collection, onComplete }: DropProps) {
  const { t } = useTexts();
  const api = useApi();
  const [ends, setEnds] = useState<Ends>({});
  const uploads = useUploads({
    async send(file, options) {
      const form = new FormData();
      form.append('collection', collection);
      form.append('file', file, file.name);
      const { job_id } = await api.upload<Queued>('/ingest?async=true', form, options);
      return job_id;
    },
  });
  const ended = (id: number, end: End): void => {
    setEnds((before) => ({ ...before, [id]: end }));
    if (end === 'completed') onComplete();
  };
  return (
    <div className={css.drop}>
      <DropZone hint={t('drop.hint')} accept={ACCEPT} onFiles={uploads.add} />
      {uploads.uploads.length > 0 && (
        <section aria-label={t('batch.label')} className={css.batch}>
          {uploads.uploads.length > 1 && <Batch uploads={uploads} ends={ends} />}
          <ul className={css.rows}>
            {uploads.uploads.map((upload) => (
              <FileRow
                key={upload.id}
                upload={upload}
                uploads={uploads}
                onEnd={(end) => ended(upload.id, end)}
              />
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

/** All files of the page in one line: how many are done and how many failed. */
function Batch({ uploads, ends }: { uploads: UseUploads; ends: Ends }) {
  const { t } = useTexts();
  const endOf = ({ id, state }: UseUploads['uploads'][number]): End | undefined => {
    if (state === 'failed' || state === 'cancelled') return 'failed';
    return state === 'sent' ? ends[id] : undefined;
  };
  const n = uploads.uploads.length;
  const done = uploads.uploads.filter((one) => endOf(one) === 'completed').length;
  const failed = uploads.uploads.filter((one) => endOf(one) === 'failed').length;
  const clear = (): void => {
    for (const one of uploads.uploads) if (endOf(one)) uploads.dismiss(one.id);
  };
  return (
    <div className={css.head}>
      <progress value={done + failed} max={n} aria-label={t('batch.label')} />
      <span data-testid="batch">{t('batch.count', { done, n })}</span>
      {failed > 0 && <span className={css.failed}>{t('batch.failed', { n: failed })}</span>}
      {done + failed > 0 && (
        <button type="button" onClick={clear}>
          {t('batch.clear')}
        </button>
      )}
    </div>
  );
}
