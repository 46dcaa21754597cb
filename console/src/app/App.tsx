import type { AvanceClient } from '@avance/client';
import { AvanceProvider } from '@avance/react';
import { type ReactNode, Suspense } from 'react';
import { Redirect, Route, Router, Switch } from 'wouter';
import { AreaRoutes } from '../areas/AreaRoutes.tsx';
import { AppsProvider } from '../areas/useApps.tsx';
import { I18nProvider, useI18n } from '../i18n/I18n.tsx';
import { JobScreen } from '../screens/Job/Job.tsx';
import { JobsScreen } from '../screens/Jobs/Jobs.tsx';
import { TryScreen } from '../screens/Try/Try.tsx';
import { Skeleton } from '../widgets/Skeleton.tsx';
import { AnnouncerProvider } from './Announcer.tsx';
import { CrashGuard } from './CrashGuard.tsx';
import { Shell } from './Shell.tsx';
import { ToastProvider } from './Toasts.tsx';

export interface AppProps {
  client: AvanceClient;
  /** Where the console is mounted, such as `/console`. */
  base: string;
}

export function App({ client, base }: AppProps) {
  return (
    <I18nProvider>
      <AnnouncerProvider>
        <Parts client={client}>
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
        </Parts>
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

// The components of @avance/react speak the language that was chosen here.
function Parts({ client, children }: { client: AvanceClient; children: ReactNode }) {
  const { locale } = useI18n();
  return (
    <AvanceProvider client={client} locale={locale}>
      {children}
    </AvanceProvider>
  );
}
