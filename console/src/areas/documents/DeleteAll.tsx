import { useId, useState } from 'react';
import { Dialog } from '../../widgets/Dialog.tsx';
import css from './DeleteAll.module.css';
import { useTexts } from './texts.ts';

/** Removes everything, after a word was typed that nobody types by accident. */
export function DeleteAll({ onConfirm }: { onConfirm: () => void }) {
  const { t } = useTexts();
  const id = useId();
  const [isOpen, setOpen] = useState(false);
  const [typed, setTyped] = useState('');
  const word = t('list.deleteAllWord');
  const close = (): void => {
    setOpen(false);
    setTyped('');
  };
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        {t('list.deleteAll')}
      </button>
      <Dialog title={t('list.deleteAllTitle')} isOpen={isOpen} onClose={close}>
        <form
          className={css.form}
          onSubmit={(event) => {
            event.preventDefault();
            if (typed !== word) return;
            close();
            onConfirm();
          }}
        >
          <label htmlFor={id}>{t('list.deleteAllText', { word })}</label>
          <input
            id={id}
            value={typed}
            autoComplete="off"
            onChange={(event) => setTyped(event.target.value)}
          />
          <div className={css.buttons}>
            <button type="button" onClick={close}>
              {t('back')}
            </button>
            <button type="submit" className={css.danger} disabled={typed !== word}>
              {t('list.deleteAll')}
            </button>
          </div>
        </form>
      </Dialog>
    </>
  );
}
