import { useMemo } from 'react';
import { useI18n } from '../i18n/I18n.tsx';
import { useDownload } from '../lib/useDownload.ts';
import css from './ResultView.module.css';

/** A page stays quick below this; what is larger is a download. */
const SHOWN_CHARS_MAX = 64_000;

export function ResultView({ id, value }: { id: string; value: unknown }) {
  const { t } = useI18n();
  const text = useMemo(() => JSON.stringify(value, null, 2), [value]);
  const isLarge = text !== undefined && text.length > SHOWN_CHARS_MAX;
  const url = useDownload(isLarge ? text : undefined);
  if (text === undefined || value === null) return <p>{t('job.resultNone')}</p>;
  if (!isLarge) return <pre className={css.json}>{text}</pre>;
  return (
    <p>
      {t('job.resultLarge')}{' '}
      <a href={url} download={`${id}.json`}>
        {t('job.download')}
      </a>
    </p>
  );
}
