import type { Area } from '../registry.ts';

export const area: Area = {
  name: 'retail',
  needs: 'retail',
  label: { en: 'Retail', es: 'Comercio' },
  screens: [
    {
      path: '/',
      load: () => import('./Stock.tsx').then((m) => m.Stock),
      label: { en: 'Stock', es: 'Existencias' },
    },
    { path: '/products/:sku', load: () => import('./Product.tsx').then((m) => m.ProductScreen) },
    {
      path: '/orders',
      load: () => import('./Orders.tsx').then((m) => m.Orders),
      label: { en: 'Orders', es: 'Pedidos' },
    },
    {
      path: '/notices',
      load: () => import('./Notices.tsx').then((m) => m.Notices),
      label: { en: 'Notifications', es: 'Notificaciones' },
    },
    {
      path: '/preferences',
      load: () => import('./Preferences.tsx').then((m) => m.PreferencesScreen),
      label: { en: 'What to be told', es: 'De qué avisar' },
    },
  ],
};
