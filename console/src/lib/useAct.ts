import { type AvanceError, asAvanceError } from '@avance/client';
import { useState } from 'react';
import { useToast } from '../app/Toasts.tsx';

export interface Act {
  error: AvanceError | undefined;
  isBusy: boolean;
  /** Do it and tell what came of it; what the server refuses stays as `error`. */
  act: (work: () => Promise<string>) => Promise<boolean>;
}

export function useAct(): Act {
  const toast = useToast();
  const [error, setError] = useState<AvanceError>();
  const [isBusy, setBusy] = useState(false);
  const act = async (work: () => Promise<string>): Promise<boolean> => {
    setError(undefined);
    setBusy(true);
    try {
      toast({ tone: 'good', text: await work() });
      return true;
    } catch (thrown) {
      setError(asAvanceError(thrown));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { error, isBusy, act };
}
