import type { ConnectionStatus } from '@avance/client';
import { type ReactNode, useEffect, useState } from 'react';
import { useLocale } from './context.tsx';
import type { Locale } from './locale.ts';
import { sayIn } from './text.ts';
import { useConnection } from './useConnection.ts';

export interface ConnectionBadgeProps {
  locale?: Locale;
  /** Say it also while all is well. */
  isAlwaysShown?: boolean;
}

/** A short interruption is not worth a word. */
const PATIENCE_MS: Record<ConnectionStatus, number> = {
  connecting: 1_000,
  live: 0,
  recovering: 2_000,
  polling: 0,
  offline: 0,
};

/** How the connection is, when it is not as it should be. */
export function ConnectionBadge({
  locale: own,
  isAlwaysShown = false,
}: ConnectionBadgeProps): ReactNode {
  const say = sayIn(useLocale(own));
  const { status, isTerminal, reason, reconnect } = useConnection();
  const shown = usePatience(status);
  const isSaid = shown === status && (isAlwaysShown || status !== 'live');
  return (
    <output className="avance-badge" data-status={isSaid ? status : undefined} aria-live="polite">
      {isSaid && (
        <>
          {say(status)}
          {isTerminal && (
            <>
              {reason ? ` (${reason}) ` : ' '}
              <button type="button" className="avance-button" onClick={reconnect}>
                {say('reconnect')}
              </button>
            </>
          )}
        </>
      )}
    </output>
  );
}

function usePatience(status: ConnectionStatus): ConnectionStatus | undefined {
  const [shown, setShown] = useState<ConnectionStatus>();
  useEffect(() => {
    const timer = setTimeout(() => setShown(status), PATIENCE_MS[status]);
    return () => clearTimeout(timer);
  }, [status]);
  return shown;
}
