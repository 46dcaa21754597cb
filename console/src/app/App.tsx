import { Suspense } from 'react';
import { Redirect, Route, Router, Switch } from 'wouter';
import { AreaRoutes } from '../areas/AreaRoutes.tsx';
import { AppsProvider } from '../areas/useApps.tsx';
import { I18nProvider } from '../i18n/I18n.tsx';
import type { Session } from '../lib/session.ts';
import { JobScreen } from '../screens/Job/Job.tsx';
import { JobsScreen } from '../screens/Jobs/Jobs.tsx';
import { TryScreen } from '../screens/Try/Try.tsx';
import { Skeleton } from '../widgets/Skeleton.tsx';
import { AnnouncerProvider } from './Announcer.tsx';
import { CrashGuard } from './CrashGuard.tsx';
import { SessionGate } from './SessionGate.tsx';
import { Shell } from './Shell.tsx';
import { ToastProvider } from './Toasts.tsx';

export interface AppProps {
  session: Session;
  /** Where the console is mounted, such as `/console`. */
  base: string;
}

export function App({ session, base }: AppProps) {
  return (
    <I18nProvider>
      <AnnouncerProvider>
        <SessionGate session={session}>
          <AppsProvider>
            <Router base={base}>
              <ToastProvider>
                <Shell>
                  <CrashGuard>
                    <Suspense fallback={<Skeleton rows={6} />}>
                      <Screens />
                    </Suspense>
                  </CrashGuard>
                </Shell>
              </ToastProvider>
            </Router>
          </AppsProvider>
        </SessionGate>
      </AnnouncerProvider>
    </I18nProvider>
  );
}

function Screens() {
  return (
    <Switch>
      <Route path="/">
        <Redirect to="/jobs" replace />
      </Route>
      <Route path="/jobs" component={JobsScreen} />
      <Route path="/jobs/:id">{({ id }) => <JobScreen key={id} id={id} />}</Route>
      <Route path="/try" component={TryScreen} />
      <Route component={AreaRoutes} />
    </Switch>
  );
}
