import { useState } from 'react';
import { useI18n } from '../../i18n/I18n.tsx';

/** Absent where the browser has no clipboard: it gives one to safe pages only. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const { t } = useI18n();
  const [isCopied, setCopied] = useState(false);
  if (navigator.clipboard === undefined) return null;
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      // Refused by the reader; the id stands on the page all the same.
      () => setCopied(false),
    );
  };
  return (
    <button type="button" onClick={() => void copy()} onBlur={() => setCopied(false)}>
      <span aria-live="polite">{isCopied ? t('job.copied') : label}</span>
    </button>
  );
}
