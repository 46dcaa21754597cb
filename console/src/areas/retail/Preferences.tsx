import { useInbox, usePreferences } from '@avance/react';
import { useState } from 'react';
import { useToast } from '../../app/Toasts.tsx';
import { useOnline } from '../../lib/useOnline.ts';
import { PreferencesDialog } from '../../screens/Inbox/PreferencesDialog.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { AreaHead } from '../AreaHead.tsx';
import { CHANNELS, isOn, KINDS, withKinds } from './model.ts';
import css from './Retail.module.css';
import { useTexts } from './texts.ts';

/** Which kind goes out on which channel; quiet hours and digests in the dialog of the inbox. */
export function PreferencesScreen() {
  const { t } = useTexts();
  const { removeAll } = useInbox();
  const [isOpen, setOpen] = useState(false);
  // The dialog saves on its own: closed, the form is read anew.
  const [round, setRound] = useState(0);
  return (
    <>
      <AreaHead area="retail" title={t('prefs.title')}>
        <button type="button" onClick={() => setOpen(true)}>
          {t('prefs.more')}
        </button>
      </AreaHead>
      <KindsForm key={round} />
      <PreferencesDialog
        isOpen={isOpen}
        onClose={() => {
          setOpen(false);
          setRound((before) => before + 1);
        }}
        onDeleteAll={() => void removeAll()}
      />
    </>
  );
}

function KindsForm() {
  const { t } = useTexts();
  const toast = useToast();
  const isOnline = useOnline();
  const { preferences, isLoading, isSaving, error, save, refetch } = usePreferences();
  if (preferences === undefined) {
    if (error) return <ErrorNotice title={t('prefs.failed')} error={error} onRetry={refetch} />;
    return isLoading ? <Skeleton rows={6} /> : null;
  }
  const submit = async (form: FormData): Promise<void> => {
    try {
      await save(withKinds(preferences, (kind, channel) => form.has(`${kind} ${channel}`)));
    } catch {
      // It is shown below as `error`, and what was chosen stays.
      return;
    }
    toast({ tone: 'good', text: t('prefs.saved') });
  };
  return (
    <form
      className={css.screen}
      onSubmit={(event) => {
        event.preventDefault();
        void submit(new FormData(event.currentTarget));
      }}
    >
      <p>{t('prefs.hint')}</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached with the keyboard */}
      <section className={css.frame} aria-label={t('prefs.title')} tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t('kind')}</th>
              {CHANNELS.map((channel) => (
                <th key={channel} scope="col">
                  {t(channel)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {KINDS.map((kind) => (
              <tr key={kind}>
                <th scope="row">{t(kind)}</th>
                {CHANNELS.map((channel) => (
                  <td key={channel}>
                    <input
                      type="checkbox"
                      name={`${kind} ${channel}`}
                      aria-label={`${t(kind)}: ${t(channel)}`}
                      defaultChecked={isOn(preferences, kind, channel)}
                    />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {error && <ErrorNotice title={t('refused')} error={error} />}
      <p>
        <button type="submit" disabled={isSaving || !isOnline}>
          {t('save')}
        </button>
      </p>
    </form>
  );
}
