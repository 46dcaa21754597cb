import type { Area } from '../registry.ts';

export const area: Area = {
  name: 'ocr',
  needs: 'ocr',
  label: { en: 'OCR', es: 'OCR' },
  screens: [
    { path: '/', load: () => import('./Home.tsx').then((m) => m.Home) },
    { path: '/documents/:id', load: () => import('./Document.tsx').then((m) => m.DocumentScreen) },
  ],
};
