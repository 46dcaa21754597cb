import type { Area } from '../registry.ts';

export const area: Area = {
  name: 'routes',
  needs: 'routes',
  label: { en: 'School buses', es: 'Rutas escolares' },
  screens: [
    { path: '/', load: () => import('./Home.tsx').then((m) => m.Home) },
    { path: '/weeks/:id', load: () => import('./WeekScreen.tsx').then((m) => m.WeekScreen) },
    { path: '/plans/:id', load: () => import('./PlanScreen.tsx').then((m) => m.PlanScreen) },
  ],
};
