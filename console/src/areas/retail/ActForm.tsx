import { type ReactNode, useId } from 'react';
import { useAct } from '../../lib/useAct.ts';
import { useOnline } from '../../lib/useOnline.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import css from './Retail.module.css';
import { useTexts } from './texts.ts';

export interface ActFormProps {
  title: string;
  action: string;
  /** Gives what is said when it is done. */
  onSubmit: (form: FormData) => Promise<string>;
  children: ReactNode;
}

/** A few fields and one button; what was typed stays when the server refuses it. */
export function ActForm({ title, action, onSubmit, children }: ActFormProps) {
  const { t } = useTexts();
  const id = useId();
  const isOnline = useOnline();
  const { error, isBusy, act } = useAct();
  return (
    <form
      className={css.form}
      aria-labelledby={id}
      onSubmit={(event) => {
        event.preventDefault();
        const form = event.currentTarget;
        void act(() => onSubmit(new FormData(form))).then((isDone) => isDone && form.reset());
      }}
    >
      <h2 id={id}>{title}</h2>
      <div className={css.row}>
        {children}
        <button type="submit" disabled={isBusy || !isOnline}>
          {action}
        </button>
      </div>
      {error && <ErrorNotice title={t('refused')} error={error} />}
    </form>
  );
}
