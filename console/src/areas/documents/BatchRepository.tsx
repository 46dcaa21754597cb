import { type FormEvent, useId } from 'react';
import { useAct } from '../../lib/useAct.ts';
import { useApi } from '../../lib/useApi.ts';
import { useOnline } from '../../lib/useOnline.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import css from './Batches.module.css';
import { useTexts } from './texts.ts';

const ADDRESS_CHARS_MAX = 300;

export interface BatchRepositoryProps {
  id: string;
  /** A job fetches the files; the batch has them as they come. */
  onBegun: () => void;
}

/** The files of a public repository, by its address. */
export function BatchRepository({ id, onBegun }: BatchRepositoryProps) {
  const { t } = useTexts();
  const api = useApi();
  const field = useId();
  const isOnline = useOnline();
  const { error, isBusy, act } = useAct();
  const begin = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = event.currentTarget;
    const repo_url = String(new FormData(form).get('address') ?? '').trim();
    void act(async () => {
      await api.post(`/batch/${encodeURIComponent(id)}/github`, { repo_url });
      form.reset();
      onBegun();
      return t('batch.repository.begun');
    });
  };
  return (
    <form className={css.row} onSubmit={begin}>
      <label htmlFor={field}>{t('batch.repository')}</label>
      <input
        id={field}
        name="address"
        type="url"
        required
        size={36}
        maxLength={ADDRESS_CHARS_MAX}
        placeholder="https://github.com/owner/name"
      />
      <button type="submit" disabled={isBusy || !isOnline}>
        {t('batch.repository.add')}
      </button>
      {error && <ErrorNotice title={t('batch.repository.refused')} error={error} />}
    </form>
  );
}
