import { type AvanceError, asAvanceError } from '@avance/client';
import { type FormEvent, useState } from 'react';
import { useI18n } from '../../i18n/I18n.tsx';
import { useTitle } from '../../lib/useTitle.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import css from './SignIn.module.css';

export interface SignInProps {
  why: 'new' | 'expired' | 'left';
  onSignIn: (secret: string) => Promise<void>;
}

/** Trades what an operator gave for a short token that this tab keeps; the secret itself is kept nowhere. */
export function SignIn({ why, onSignIn }: SignInProps) {
  const { t } = useI18n();
  const [error, setError] = useState<AvanceError>();
  const [isBusy, setBusy] = useState(false);
  useTitle(t('signIn.title'));
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const secret = String(new FormData(event.currentTarget).get('secret') ?? '').trim();
    if (secret === '') return;
    setBusy(true);
    setError(undefined);
    await onSignIn(secret).catch((thrown: unknown) => {
      setError(asAvanceError(thrown));
      setBusy(false);
    });
  };
  return (
    <form className={css.form} onSubmit={(event) => void submit(event)}>
      <h2>{t('signIn.title')}</h2>
      {why !== 'new' && <p role="status">{t(`signIn.${why}`)}</p>}
      <label>
        {t('signIn.secret')}
        <input
          name="secret"
          type="password"
          autoComplete="off"
          spellCheck={false}
          required
          aria-describedby="secret-hint"
        />
      </label>
      <small id="secret-hint">{t('signIn.hint')}</small>
      <code>avance token &lt;user&gt;</code>
      <button type="submit" disabled={isBusy}>
        {t('signIn.go')}
      </button>
      {error && <ErrorNotice title={t('signIn.refused')} error={error} />}
    </form>
  );
}
