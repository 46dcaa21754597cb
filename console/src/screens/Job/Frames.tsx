import { useMemo, useState } from 'react';
import { useApi } from '../../lib/useApi.ts';
import { useRequest } from '../../lib/useRequest.ts';
import css from './Frames.module.css';
import { useTexts } from './frameTexts.ts';
import { FRAMES_MAX, useFrames } from './useFrames.ts';

interface AsyncApi {
  channels?: Record<string, { address?: string | null }>;
}

/** What each protocol sends for this job, side by side with the log that all of them come from. */
export function Frames({ id, seq }: { id: string; seq: number }) {
  const { t } = useTexts();
  const api = useApi();
  const ask = useMemo(
    () => (signal: AbortSignal) => api.get<AsyncApi>('/asyncapi.json', undefined, { signal }),
    [api],
  );
  const { data } = useRequest(ask);
  const [chosen, choose] = useState('');
  const addresses = Object.values(data?.channels ?? {})
    .flatMap(({ address }) => address ?? [])
    .filter((address) => /^\/[^{}]*\{[^}]+\}$/.test(address));
  const { frames, closed, error } = useFrames(id, chosen || undefined, seq);
  const last = frames.at(-1)?.n ?? 0;
  return (
    <div className={css.box}>
      <p className={css.hint}>{t('hint')}</p>
      <label className={css.source}>
        {t('source')}{' '}
        <select value={chosen} onChange={(event) => choose(event.target.value)}>
          <option value="">{t('events')}</option>
          {addresses.map((address) => (
            <option key={address}>{address}</option>
          ))}
        </select>
        <span>{t('count', { n: last })}</span>
      </label>
      {last > FRAMES_MAX && <p className={css.hint}>{t('cut', { n: FRAMES_MAX })}</p>}
      {frames.length === 0 && !error && <p className={css.hint}>{t('none')}</p>}
      {frames.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached with the keyboard
        <ol className={css.frames} tabIndex={0} aria-label={t('title')}>
          {frames.map(({ n, text }) => (
            <li key={n} value={n}>
              <code>{text}</code>
            </li>
          ))}
        </ol>
      )}
      {closed && <p>{t('closed', { code: closed.code, reason: closed.reason })}</p>}
      {error && <p role="alert">{t('lost', { why: error })}</p>}
    </div>
  );
}
