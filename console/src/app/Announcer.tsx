import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useRef,
  useState,
} from 'react';
import { useI18n } from '../i18n/I18n.tsx';

type Announce = (sentence: string) => void;

/** A screen reader is not to be talked over: one sentence in this time, the others merged. */
export const PAUSE_MS = 5_000;

const Context = createContext<Announce>(() => undefined);

/** The one polite live region of the page. */
export function AnnouncerProvider({ children }: { children: ReactNode }) {
  const { t } = useI18n();
  const [said, say] = useState('');
  const waiting = useRef<string[]>([]);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const merge = useRef((sentences: string[]) => sentences.join(' '));
  useEffect(() => {
    merge.current = (sentences) =>
      sentences.length === 1 ? (sentences[0] ?? '') : t('announce.many', { n: sentences.length });
  }, [t]);
  const announce = useCallback((sentence: string) => {
    const next = (): void => {
      const sentences = waiting.current.splice(0);
      timer.current = sentences.length > 0 ? setTimeout(next, PAUSE_MS) : undefined;
      if (sentences.length > 0) say(merge.current(sentences));
    };
    waiting.current.push(sentence);
    if (timer.current === undefined) next();
  }, []);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );
  return (
    <Context.Provider value={announce}>
      {children}
      <div className="visually-hidden" role="status" aria-live="polite">
        {said}
      </div>
    </Context.Provider>
  );
}

export function useAnnounce(): Announce {
  return useContext(Context);
}
