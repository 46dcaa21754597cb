import {
  createContext,
  type KeyboardEvent,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useRef,
  useState,
} from 'react';
import { useI18n } from '../i18n/I18n.tsx';
import css from './Toasts.module.css';

export interface Toast {
  text: string;
  tone?: 'info' | 'good' | 'error';
}

interface Shown extends Toast {
  id: number;
}

const SHOWN_MS = 5_000;
const SHOWN_MAX = 4;

const Context = createContext<(toast: Toast) => void>(() => undefined);

/** Short messages in the corner, about what somebody just did; they never hold the only copy of anything. */
export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, set] = useState<readonly Shown[]>([]);
  const next = useRef(0);
  const show = useCallback((toast: Toast) => {
    next.current += 1;
    const id = next.current;
    set((before) => [...before, { ...toast, id }].slice(-SHOWN_MAX));
  }, []);
  const drop = useCallback(
    (id: number) => set((before) => before.filter((one) => one.id !== id)),
    [],
  );
  return (
    <Context.Provider value={show}>
      {children}
      <div className={css.corner}>
        {toasts.map((toast) => (
          <Card key={toast.id} toast={toast} onEnd={drop} />
        ))}
      </div>
    </Context.Provider>
  );
}

export function useToast(): (toast: Toast) => void {
  return useContext(Context);
}

function Card({ toast, onEnd }: { toast: Shown; onEnd: (id: number) => void }) {
  const { t } = useI18n();
  const [isHeld, hold] = useState(false);
  useEffect(() => {
    if (isHeld) return undefined;
    const timer = setTimeout(() => onEnd(toast.id), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [isHeld, onEnd, toast.id]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: looking at it keeps it; closing has a button
    <div
      className={css.toast}
      data-tone={toast.tone ?? 'info'}
      onMouseEnter={() => hold(true)}
      onMouseLeave={() => hold(false)}
      onFocus={() => hold(true)}
      onBlur={() => hold(false)}
      onKeyDown={(event: KeyboardEvent) => event.key === 'Escape' && onEnd(toast.id)}
    >
      <p role={toast.tone === 'error' ? 'alert' : 'status'}>{toast.text}</p>
      <button type="button" aria-label={t('toast.close')} onClick={() => onEnd(toast.id)}>
        ×
      </button>
    </div>
  );
}
