import { useConnection } from '@avance/react';
import type { Key } from '../i18n/en.ts';
import { useI18n } from '../i18n/I18n.tsx';
import { useSession } from './SessionGate.tsx';
import css from './Shell.module.css';

/** Codes of the server that a reader can do something about. */
const REASONS: Readonly<Record<number, Key>> = {
  3500: 'gone.token',
  3503: 'gone.kicked',
  3504: 'gone.connections',
  3507: 'gone.permission',
};
const NEW_TOKEN: readonly (number | undefined)[] = [3500, 3501];

/** The server does not want this page back by itself: why, and the way back. */
export function Disconnected() {
  const { t } = useI18n();
  const { me, signOut } = useSession();
  const { isTerminal, code, reason, reconnect } = useConnection();
  if (!isTerminal) return null;
  const key = REASONS[code ?? 0];
  const isOver = NEW_TOKEN.includes(code) && !me.is_open;
  return (
    <p className={css.offline} role="status">
      {key === undefined ? t('gone.other', { reason: reason ?? '', code: code ?? 0 }) : t(key)}{' '}
      <button type="button" onClick={isOver ? signOut : reconnect}>
        {t(isOver ? 'signIn.title' : 'gone.reconnect')}
      </button>
    </p>
  );
}
