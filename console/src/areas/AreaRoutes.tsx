import { Route, Switch } from 'wouter';
import { NotFound } from '../app/NotFound.tsx';
import { useI18n } from '../i18n/I18n.tsx';
import { ErrorNotice } from '../widgets/ErrorNotice.tsx';
import { Skeleton } from '../widgets/Skeleton.tsx';
import { AREAS } from './registry.ts';
import { useApps } from './useApps.tsx';

/** The screens of all areas that the server serves; anything else is not there. */
export function AreaRoutes() {
  const { t } = useI18n();
  const { names, error, again } = useApps();
  if (names === undefined && error !== undefined) {
    return <ErrorNotice title={t('error.title')} error={error} onRetry={again} />;
  }
  if (names === undefined) return <Skeleton rows={4} />;
  const routes = AREAS.filter((area) => names.has(area.needs)).flatMap((area) =>
    area.screens.map(({ path, Screen }) => ({ path: `/${area.name}${path}`, Screen })),
  );
  return (
    <Switch>
      {routes.map(({ path, Screen }) => (
        <Route key={path} path={path}>
          {(params) => (
            <Screen key={JSON.stringify(params)} params={params as Record<string, string>} />
          )}
        </Route>
      ))}
      <Route component={NotFound} />
    </Switch>
  );
}
