import type { AvanceClient } from '@avance/client';
import { AvanceProvider } from '@avance/react';
import type { ReactNode } from 'react';
import { Redirect, Route, Router, Switch } from 'wouter';
import { I18nProvider, useI18n } from '../i18n/I18n.tsx';
import { JobScreen } from '../screens/Job/Job.tsx';
import { JobsScreen } from '../screens/Jobs/Jobs.tsx';
import { TryScreen } from '../screens/Try/Try.tsx';
import { AnnouncerProvider } from './Announcer.tsx';
import { CrashGuard } from './CrashGuard.tsx';
import { NotFound } from './NotFound.tsx';
import { Shell } from './Shell.tsx';

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
          <Router base={base}>
            <Shell>
              <CrashGuard>
                <Screens />
              </CrashGuard>
            </Shell>
          </Router>
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
      <Route component={NotFound} />
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
