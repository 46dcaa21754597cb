import { AvanceProvider } from '@avance/react';
import {
  createContext,
  type ReactNode,
  Suspense,
  useContext,
  useEffect,
  useMemo,
  useSyncExternalStore,
} from 'react';
import { useI18n } from '../i18n/I18n.tsx';
import type { Me, Session } from '../lib/session.ts';
import { later } from '../lib/staleAssets.ts';
import { ErrorNotice } from '../widgets/ErrorNotice.tsx';
import { Skeleton } from '../widgets/Skeleton.tsx';
import css from './SessionGate.module.css';

const SignIn = later(async () => (await import('../screens/SignIn/SignIn.tsx')).SignIn);

interface Signed {
  me: Me;
  signOut: () => void;
}

const Context = createContext<Signed | undefined>(undefined);

/** Shows what is below to somebody the server knows, and the sign-in screen to others. */
export function SessionGate({ session, children }: { session: Session; children: ReactNode }) {
  const { t, locale } = useI18n();
  const state = useSyncExternalStore(session.subscribe, session.get);
  useEffect(() => {
    if (session.get().status === 'asking') void session.begin();
  }, [session]);
  const me = state.status === 'in' ? state.me : undefined;
  const signed = useMemo(() => me && { me, signOut: session.signOut }, [me, session]);
  if (state.status === 'in') {
    return (
      // Another user's session keeps nothing of the one before.
      <Context.Provider value={signed}>
        <AvanceProvider key={state.me.user} client={state.client} locale={locale}>
          {children}
        </AvanceProvider>
      </Context.Provider>
    );
  }
  return (
    <main className={css.page}>
      <h1>avance</h1>
      {state.status === 'asking' && <Skeleton rows={2} />}
      {state.status === 'unreachable' && (
        <ErrorNotice
          title={t('error.title')}
          error={state.error}
          onRetry={() => void session.begin()}
        />
      )}
      {state.status === 'out' && (
        <Suspense fallback={<Skeleton rows={2} />}>
          <SignIn why={state.why} onSignIn={session.signIn} />
        </Suspense>
      )}
    </main>
  );
}

/** Who is signed in. */
export function useSession(): Signed {
  const signed = useContext(Context);
  if (signed === undefined) throw new Error('put <SessionGate> around the page');
  return signed;
}
