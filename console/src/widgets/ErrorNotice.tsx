import { useI18n } from '../i18n/I18n.tsx';
import { type Failure, sayError } from '../lib/sayError.ts';
import { Notice } from './Notice.tsx';

export interface ErrorNoticeProps {
  title: string;
  error: Failure;
  onRetry?: () => void;
}

export function ErrorNotice({ title, error, onRetry }: ErrorNoticeProps) {
  const { t } = useI18n();
  return (
    <Notice tone="error" title={title}>
      <p>{sayError(error, t)}</p>
      {onRetry && (
        <button type="button" onClick={onRetry}>
          {t('error.retry')}
        </button>
      )}
      <details>
        <summary>{t('error.details')}</summary>
        <code>
          {error.code}: {error.message}
        </code>
      </details>
    </Notice>
  );
}
