import { Component, type ReactNode } from 'react';
import { useI18n } from '../i18n/I18n.tsx';
import { Notice } from '../widgets/Notice.tsx';

interface State {
  error: Error | undefined;
}

/** A screen that throws leaves the header in place, and says so. React reports the error itself. */
export class CrashGuard extends Component<{ children: ReactNode }, State> {
  override state: State = { error: undefined };

  static getDerivedStateFromError(error: Error): State {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    return error === undefined ? this.props.children : <Crash error={error} />;
  }
}

function Crash({ error }: { error: Error }) {
  const { t } = useI18n();
  return (
    <Notice tone="error" title={t('error.crash')}>
      <code>{error.message}</code>
      <p>
        <button type="button" onClick={() => window.location.reload()}>
          {t('error.reload')}
        </button>
      </p>
    </Notice>
  );
}
