import { type AvanceError, asAvanceError, type SendAnswer } from '@avance/client';
import { type FormEvent, useState } from 'react';
import { useToast } from '../../app/Toasts.tsx';
import { useI18n } from '../../i18n/I18n.tsx';
import { useApi } from '../../lib/useApi.ts';
import { Dialog } from '../../widgets/Dialog.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import css from './Inbox.module.css';
import { useTexts } from './texts.ts';

export const PRIORITIES = ['low', 'normal', 'high', 'critical'] as const;

/** Send a notification to somebody. */
export function Compose({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { t: say } = useI18n();
  const { t } = useTexts();
  const api = useApi();
  const toast = useToast();
  const [error, setError] = useState<AvanceError>();
  const send = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const body = Object.fromEntries(new FormData(event.currentTarget));
    const user = String(body.user);
    try {
      const { notification } = await api.post<SendAnswer>('/v1/inbox', body);
      toast(
        notification === null
          ? { text: t('notKept', { user }) }
          : { tone: 'good', text: t('sent', { user }) },
      );
      onClose();
    } catch (thrown) {
      setError(asAvanceError(thrown));
    }
  };
  return (
    <Dialog title={t('compose')} isOpen={isOpen} onClose={onClose}>
      <form className={css.form} onSubmit={(event) => void send(event)}>
        <label>
          {t('to')}
          <input name="user" required maxLength={200} />
        </label>
        <label>
          {t('subject')}
          <input name="title" required maxLength={500} />
        </label>
        <label>
          {t('body')}
          <textarea name="body" rows={3} maxLength={4_000} />
        </label>
        <label>
          {t('priority')}
          <select name="priority" defaultValue="normal">
            {PRIORITIES.map((one) => (
              <option key={one} value={one}>
                {t(`priority.${one}`)}
              </option>
            ))}
          </select>
        </label>
        {error && <ErrorNotice title={say('error.action')} error={error} />}
        <div className={css.buttons}>
          <button type="button" onClick={onClose}>
            {t('cancel')}
          </button>
          <button type="submit">{t('send')}</button>
        </div>
      </form>
    </Dialog>
  );
}
