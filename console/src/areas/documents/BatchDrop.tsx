import { useUploads } from '@avance/react';
import { useEffect } from 'react';
import { useApi } from '../../lib/useApi.ts';
import { DropZone } from '../../widgets/DropZone.tsx';
import css from './Drop.module.css';
import { FileRow } from './FileRow.tsx';
import { ACCEPT } from './model.ts';
import { useTexts } from './texts.ts';

export interface BatchDropProps {
  id: string;
  /** The server has a file more, or refused one; either way it stands in the batch. */
  onTaken: () => void;
}

/** Where files are dropped on a batch; each is shown here until the batch has it. */
export function BatchDrop({ id, onTaken }: BatchDropProps) {
  const { t } = useTexts();
  const api = useApi();
  const uploads = useUploads({
    async send(file, options) {
      const form = new FormData();
      form.append('files', file, file.name);
      await api.upload(`/batch/${encodeURIComponent(id)}/upload`, form, options);
      onTaken();
      return undefined;
    },
  });
  const sent = uploads.uploads.filter(({ state }) => state === 'sent');
  useEffect(() => {
    for (const one of sent) uploads.dismiss(one.id);
  });
  const shown = uploads.uploads.filter(({ state }) => state !== 'sent');
  return (
    <div className={css.drop}>
      <DropZone hint={t('drop.hint')} accept={ACCEPT} onFiles={uploads.add} />
      {shown.length > 0 && (
        <ul className={css.rows} aria-label={t('batch.onTheWay')}>
          {shown.map((upload) => (
            <FileRow key={upload.id} upload={upload} uploads={uploads} />
          ))}
        </ul>
      )}
    </div>
  );
}
