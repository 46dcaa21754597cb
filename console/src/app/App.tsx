import { Suspense } from 'react';
import { Route, Router, Switch } from 'wouter';
import { AreaRoutes } from '../areas/AreaRoutes.tsx';
import { AppsProvider } from '../areas/useApps.tsx';
import { I18nProvider } from '../i18n/I18n.tsx';
import { AsOfProvider } from '../lib/AsOf.tsx';
import type { Session } from '../lib/session.ts';
import { later } from '../lib/staleAssets.ts';
import { JobsScreen } from '../screens/Jobs/Jobs.tsx';
import { Skeleton } from '../widgets/Skeleton.tsx';
import { AnnouncerProvider } from './Announcer.tsx';
import { CrashGuard } from './CrashGuard.tsx';
import { SessionGate } from './SessionGate.tsx';
import { Shell } from './Shell.tsx';
import { ToastProvider } from './Toasts.tsx';

const NowScreen = later(async () => (await import('../screens/Now/Now.tsx')).NowScreen);
const JobScreen = later(async () => (await import('../screens/Job/Job.tsx')).JobScreen);
const InboxScreen = later(async () => (await import('../screens/Inbox/Inbox.tsx')).InboxScreen);
const WorkersScreen = later(
  async () => (await import('../screens/Workers/Workers.tsx')).WorkersScreen,
);
const ConnectionsScreen = later(
  async () => (await import('../screens/Connections/Connections.tsx')).ConnectionsScreen,
);
const TryScreen = later(async () => (await import('../screens/Try/Try.tsx')).TryScreen);

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
                    <AsOfProvider>
                      <Suspense fallback={<Skeleton rows={6} />}>
                        <Screens />
                      </Suspense>
                    </AsOfProvider>
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
