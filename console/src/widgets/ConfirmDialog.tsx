import { useI18n } from '../i18n/I18n.tsx';
import css from './Dialog.module.css';
import { Dialog } from './Dialog.tsx';

export interface ConfirmDialogProps {
  title: string;
  /** What will be gone. */
  text: string;
  /** On the button that does it. */
  action: string;
  isOpen: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something is done that cannot be undone. */
export function ConfirmDialog({ text, action, onConfirm, ...dialog }: ConfirmDialogProps) {
  const { t } = useI18n();
  return (
    <Dialog {...dialog}>
      <p>{text}</p>
      <div className={css.buttons}>
        <button type="button" onClick={dialog.onClose}>
          {t('dialog.back')}
        </button>
        <button
          type="button"
          className={css.danger}
          onClick={() => {
            dialog.onClose();
            onConfirm();
          }}
        >
          {action}
        </button>
      </div>
    </Dialog>
  );
}
