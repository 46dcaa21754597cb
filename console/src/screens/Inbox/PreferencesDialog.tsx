import type { Frequency, Preferences, Priority } from '@avance/client';
import { usePreferences } from '@avance/react';
import { type FormEvent, useState } from 'react';
import { useToast } from '../../app/Toasts.tsx';
import { useI18n } from '../../i18n/I18n.tsx';
import { ConfirmDialog } from '../../widgets/ConfirmDialog.tsx';
import { Dialog } from '../../widgets/Dialog.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { PRIORITIES } from './Compose.tsx';
import css from './Inbox.module.css';
import { useTexts } from './texts.ts';

const CHANNELS = ['websocket', 'email', 'sms', 'push'] as const;
const FREQUENCIES = ['instant', 'daily', 'weekly'] as const satisfies readonly Frequency[];

export interface PreferencesDialogProps {
  isOpen: boolean;
  onClose: () => void;
  onDeleteAll: () => void;
}

/** What the user wants to be told, how and when. */
export function PreferencesDialog({ isOpen, onClose, onDeleteAll }: PreferencesDialogProps) {
  const { t } = useTexts();
  const [isAsking, ask] = useState(false);
  return (
    <>
      <Dialog title={t('preferences')} isOpen={isOpen} onClose={onClose}>
        <Form onClose={onClose} />
        <button
          type="button"
          onClick={() => {
            onClose();
            ask(true);
          }}
        >
          {t('deleteAll')}
        </button>
      </Dialog>
      <ConfirmDialog
        title={t('deleteAllTitle')}
        text={t('deleteAllText')}
        action={t('deleteAll')}
        isOpen={isAsking}
        onClose={() => ask(false)}
        onConfirm={onDeleteAll}
      />
    </>
  );
}

function Form({ onClose }: { onClose: () => void }) {
  const { t: say } = useI18n();
  const { t } = useTexts();
  const toast = useToast();
  const { preferences, isLoading, isSaving, error, save, refetch } = usePreferences();
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    if (preferences === undefined) return;
    try {
      await save(read(new FormData(event.currentTarget), preferences));
    } catch {
      // It is shown below as `error`, and what was typed stays.
      return;
    }
    toast({ tone: 'good', text: t('saved') });
    onClose();
  };
  if (isLoading) return <Skeleton rows={4} />;
  if (preferences === undefined) {
    return error && <ErrorNotice title={say('error.title')} error={error} onRetry={refetch} />;
  }
  const { channels = {}, quiet_hours: quiet = {}, addresses = {}, muted = [] } = preferences;
  return (
    <form className={css.form} onSubmit={(event) => void submit(event)}>
      <fieldset>
        <legend>{t('channels')}</legend>
        {CHANNELS.map((channel) => (
          <label key={channel} className={css.check}>
            <input
              type="checkbox"
              name={`channel.${channel}`}
              defaultChecked={channels[channel] !== false}
            />
            {t(`channel.${channel}`)}
          </label>
        ))}
        <small>{t('channelsHint')}</small>
      </fieldset>
      <label>
        {t('minPriority')}
        <select name="min_priority" defaultValue={preferences.min_priority ?? 'low'}>
          {PRIORITIES.map((one) => (
            <option key={one} value={one}>
              {t(`priority.${one}`)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t('frequency')}
        <select name="frequency" defaultValue={preferences.frequency ?? 'instant'}>
          {FREQUENCIES.map((one) => (
            <option key={one} value={one}>
              {t(`frequency.${one}`)}
            </option>
          ))}
        </select>
      </label>
      <fieldset>
        <legend>{t('quiet')}</legend>
        <label className={css.check}>
          <input type="checkbox" name="quiet" defaultChecked={quiet.is_on === true} />
          {t('quietOn')}
        </label>
        <label>
          {t('start')}
          <input type="time" name="start" required defaultValue={quiet.start ?? '22:00'} />
        </label>
        <label>
          {t('end')}
          <input type="time" name="end" required defaultValue={quiet.end ?? '07:00'} />
        </label>
        <label>
          {t('zone')}
          <input name="zone" required defaultValue={preferences.time_zone ?? 'UTC'} />
        </label>
      </fieldset>
      <label>
        {t('email')}
        <input type="email" name="email" defaultValue={addresses.email ?? ''} />
      </label>
      <label>
        {t('muted')}
        <input name="muted" defaultValue={muted.join(', ')} aria-describedby="muted-hint" />
        <small id="muted-hint">{t('mutedHint')}</small>
      </label>
      {error && <ErrorNotice title={say('error.action')} error={error} />}
      <div className={css.buttons}>
        <button type="button" onClick={onClose}>
          {t('cancel')}
        </button>
        <button type="submit" disabled={isSaving}>
          {t('save')}
        </button>
      </div>
    </form>
  );
}

// What this form does not show stays as it is.
function read(form: FormData, before: Preferences): Preferences {
  const text = (name: string): string => String(form.get(name) ?? '').trim();
  const { email: _, ...addresses } = before.addresses ?? {};
  const muted = text('muted').split(',');
  return {
    ...before,
    channels: {
      ...before.channels,
      ...Object.fromEntries(CHANNELS.map((one) => [one, form.has(`channel.${one}`)])),
    },
    min_priority: text('min_priority') as Priority,
    frequency: text('frequency') as Frequency,
    quiet_hours: { is_on: form.has('quiet'), start: text('start'), end: text('end') },
    time_zone: text('zone'),
    addresses: { ...addresses, ...(text('email') && { email: text('email') }) },
    muted: [...new Set(muted.map((one) => one.trim()).filter(Boolean))],
  };
}
