import { type AvanceError, asAvanceError, type Preferences } from '@avance/client';
import { useCallback, useEffect, useState } from 'react';
import { useAvance } from './context.tsx';

export interface UsePreferences {
  /** Undefined until the server has told. */
  preferences: Preferences | undefined;
  isLoading: boolean;
  isSaving: boolean;
  error: AvanceError | undefined;
  /** Write all of them; a refusal is thrown, and shows as `error`. */
  save: (preferences: Preferences) => Promise<void>;
  refetch: () => void;
}

/** What the user wants to be told, how and when. */
export function usePreferences(): UsePreferences {
  const { inbox } = useAvance();
  const [preferences, set] = useState<Preferences>();
  const [error, setError] = useState<AvanceError>();
  const [isSaving, setSaving] = useState(false);
  const [round, setRound] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round asks again
  useEffect(() => {
    let isHere = true;
    inbox.preferences().then(
      (given) => {
        if (!isHere) return;
        set(given);
        setError(undefined);
      },
      (thrown: unknown) => isHere && setError(asAvanceError(thrown)),
    );
    return () => {
      isHere = false;
    };
  }, [inbox, round]);
  const save = useCallback(
    async (wanted: Preferences): Promise<void> => {
      setSaving(true);
      try {
        set(await inbox.setPreferences(wanted));
        setError(undefined);
      } catch (thrown) {
        setError(asAvanceError(thrown));
        throw thrown;
      } finally {
        setSaving(false);
      }
    },
    [inbox],
  );
  const refetch = useCallback(() => setRound((before) => before + 1), []);
  const isLoading = preferences === undefined && error === undefined;
  return { preferences, isLoading, isSaving, error, save, refetch };
}
