import { lazy, Suspense } from 'react';
import { Route, Router, Switch } from 'wouter';
import { AreaRoutes } from '../areas/AreaRoutes.tsx';
import { AppsProvider } from '../areas/useApps.tsx';
import { I18nProvider } from '../i18n/I18n.tsx';
import type { Session } from '../lib/session.ts';
import { JobScreen } from '../screens/Job/Job.tsx';
import { JobsScreen } from '../screens/Jobs/Jobs.tsx';
import { Skeleton } from '../widgets/Skeleton.tsx';
import { AnnouncerProvider } from './Announcer.tsx';
import { CrashGuard } from './CrashGuard.tsx';
import { SessionGate } from './SessionGate.tsx';
import { Shell } from './Shell.tsx';
import { ToastProvider } from './Toasts.tsx';

const NowScreen = lazy(async () => ({
  default: (await import('../screens/Now/Now.tsx')).NowScreen,
}));
const InboxScreen = lazy(async () => ({
  default: (await import('../screens/Inbox/Inbox.tsx')).InboxScreen,
}));
const WorkersScreen = lazy(async () => ({
  default: (await import('../screens/Workers/Workers.tsx')).WorkersScreen,
}));
const ConnectionsScreen = lazy(async () => ({
  default: (await import('../screens/Connections/Connections.tsx')).ConnectionsScreen,
}));
const TryScreen = lazy(async () => ({
  default: (await import('../screens/Try/Try.tsx')).TryScreen,
}));

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
      <Route path="/" component={NowScreen} />
      <Route path="/jobs" component={JobsScreen} />
      <Route path="/jobs/:id">{({ id }) => <JobScreen key={id} id={id} />}</Route>
      <Route path="/inbox" component={InboxScreen} />
      <Route path="/workers" component={WorkersScreen} />
      <Route path="/connections" component={ConnectionsScreen} />
      <Route path="/try" component={TryScreen} />
      <Route component={AreaRoutes} />
    </Switch>
  );
}
