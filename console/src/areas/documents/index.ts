import type { Area } from '../registry.ts';

export const area: Area = {
  name: 'documents',
  needs: 'documents',
  label: { en: 'Documents', es: 'Documentos' },
  screens: [
    {
      path: '/',
      load: () => import('./Home.tsx').then((m) => m.Home),
      label: { en: 'Add and ask', es: 'Añadir y preguntar' },
    },
    {
      path: '/list',
      load: () => import('./List.tsx').then((m) => m.List),
      label: { en: 'All documents', es: 'Todos los documentos' },
    },
    {
      path: '/batches',
      load: () => import('./Batches.tsx').then((m) => m.Batches),
      label: { en: 'Batches', es: 'Lotes' },
    },
    {
      path: '/collections',
      load: () => import('./Collections.tsx').then((m) => m.Collections),
      label: { en: 'Collections', es: 'Colecciones' },
    },
    { path: '/batches/:id', load: () => import('./Batch.tsx').then((m) => m.BatchScreen) },
    { path: '/list/:id', load: () => import('./Document.tsx').then((m) => m.DocumentScreen) },
  ],
};
