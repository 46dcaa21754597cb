import type { FormEvent } from 'react';
import { useId } from 'react';
import { useAct } from '../../lib/useAct.ts';
import { useApi } from '../../lib/useApi.ts';
import { Dialog } from '../../widgets/Dialog.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import css from './Batches.module.css';
import { COLLECTION_CHARS_MAX } from './model.ts';
import { useTexts } from './texts.ts';

export interface RenameDialogProps {
  /** The collection; undefined while the dialog is closed. */
  name: string | undefined;
  onRenamed: () => void;
  onClose: () => void;
}

/** Asks for another name of a collection, and stays open where the server refuses it. */
export function RenameDialog({ name, onRenamed, onClose }: RenameDialogProps) {
  const { t } = useTexts();
  return (
    <Dialog title={t('shelves.rename')} isOpen={name !== undefined} onClose={onClose}>
      {name !== undefined && (
        <NameForm
          name={name}
          onRenamed={() => {
            onClose();
            onRenamed();
          }}
        />
      )}
    </Dialog>
  );
}

function NameForm({ name, onRenamed }: { name: string; onRenamed: () => void }) {
  const { t } = useTexts();
  const api = useApi();
  const id = useId();
  const { error, isBusy, act } = useAct();
  const rename = async (form: HTMLFormElement): Promise<void> => {
    const wanted = String(new FormData(form).get('name') ?? '').trim();
    const isDone = await act(async () => {
      await api.patch(`/collections/${encodeURIComponent(name)}`, { name: wanted });
      return t('shelves.renamed', { name, wanted });
    });
    if (isDone) onRenamed();
  };
  return (
    <form
      className={css.row}
      onSubmit={(event: FormEvent<HTMLFormElement>) => {
        event.preventDefault();
        void rename(event.currentTarget);
      }}
    >
      <label htmlFor={id}>{t('shelves.newName')}</label>
      <input id={id} name="name" required maxLength={COLLECTION_CHARS_MAX} defaultValue={name} />
      <button type="submit" disabled={isBusy}>
        {t('shelves.save')}
      </button>
      {error && <ErrorNotice title={t('shelves.refused')} error={error} />}
    </form>
  );
}
