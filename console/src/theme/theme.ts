import { readChoice, writeChoice } from '../lib/choice.ts';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

/** Also read by public/theme.js. */
const KEY = 'avance.theme';

export function readTheme(): Theme {
  return readChoice(KEY, THEMES) ?? 'system';
}

export function applyTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  writeChoice(KEY, theme);
}
