import type { ComponentType } from 'react';
import type { Locale } from '../i18n/translate.ts';
import { later } from '../lib/staleAssets.ts';

export interface ScreenProps {
  /** What the address names, such as `id` of `/batches/:id`. */
  params: Readonly<Record<string, string>>;
}

export interface AreaScreen {
  /** Below `/console/<name>`: `/`, `/batches/:id`. */
  path: string;
  load: () => Promise<ComponentType<ScreenProps>>;
  /** With a label it has a link in the navigation of the area. */
  label?: Readonly<Record<Locale, string>>;
}

/** What a shipped system adds to the console. */
export interface Area {
  /** Folder and first part of its addresses. */
  name: string;
  /** Shown only where the server serves this app. */
  needs: string;
  label: Readonly<Record<Locale, string>>;
  screens: readonly AreaScreen[];
}

export interface OpenScreen extends AreaScreen {
  Screen: ComponentType<ScreenProps>;
}

export interface OpenArea extends Area {
  screens: readonly OpenScreen[];
}

const found = import.meta.glob<Area>('./*/index.ts', { eager: true, import: 'area' });

/** All areas that were built in, by name. */
export const AREAS: readonly OpenArea[] = Object.values(found)
  .map((area) => ({ ...area, screens: area.screens.map(opened) }))
  .sort((a, b) => a.name.localeCompare(b.name));

// Made once: a component that is made anew would lose its state at each drawing.
function opened(screen: AreaScreen): OpenScreen {
  return {
    ...screen,
    Screen: later(screen.load),
  };
}
