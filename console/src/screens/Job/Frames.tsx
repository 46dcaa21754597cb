import { useMemo, useState } from 'react';
import { useApi } from '../../lib/useApi.ts';
import { useRequest } from '../../lib/useRequest.ts';
import css from './Frames.module.css';
import { useTexts } from './frameTexts.ts';
import { FRAMES_MAX, useFrames } from './useFrames.ts';

interface AsyncApi {
  channels?: Record<string, { address?: string | null }>;
}

/** The addresses of the sockets that follow one thing, which may be a job. */
export function useJobSockets(): readonly string[] {
  const api = useApi();
  const ask = useMemo(
    () => (signal: AbortSignal) => api.get<AsyncApi>('/asyncapi.json', undefined, { signal }),
    [api],
  );
  const { data } = useRequest(ask);
  return Object.values(data?.channels ?? {})
    .flatMap(({ address }) => address ?? [])
    .filter((address) => /^\/[^{}]*\{[^}]+\}$/.test(address));
}

export interface FramesProps {
  id: string;
  seq: number;
  /** As this one sees it; without it the reader chooses. The event log is an empty text. */
  address?: string;
}

/** What each protocol sends for this job, side by side with the log that all of them come from. */
export function Frames({ id, seq, address }: FramesProps) {
  return address === undefined ? <Choose id={id} seq={seq} /> : <Told {...{ id, seq, address }} />;
}

function Choose({ id, seq }: { id: string; seq: number }) {
  const { t } = useTexts();
  const addresses = useJobSockets();
  const [chosen, choose] = useState('');
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
      </label>
      <Told id={id} seq={seq} address={chosen} isChosen />
    </div>
  );
}

interface ToldProps extends Required<FramesProps> {
  /** Its name stands above already. */
  isChosen?: boolean;
}

function Told({ id, seq, address, isChosen = false }: ToldProps) {
  const { t } = useTexts();
  const name = address || t('events');
  const { frames, closed, error } = useFrames(id, address || undefined, seq);
  const last = frames.at(-1)?.n ?? 0;
  return (
    <div className={css.box}>
      <p className={css.source}>
        {!isChosen && <code>{name}</code>} <span>{t('count', { n: last })}</span>
      </p>
      {last > FRAMES_MAX && <p className={css.hint}>{t('cut', { n: FRAMES_MAX })}</p>}
      {frames.length === 0 && !error && <p className={css.hint}>{t('none')}</p>}
      {frames.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached with the keyboard
        <ol className={css.frames} tabIndex={0} aria-label={isChosen ? t('title') : name}>
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
