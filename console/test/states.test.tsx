import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { en } from '../src/i18n/en.ts';
import { es } from '../src/i18n/es.ts';
import { I18nProvider } from '../src/i18n/I18n.tsx';
import { StateMark } from '../src/widgets/StateMark.tsx';

const STATES = [
  'scheduled',
  'queued',
  'running',
  'retrying',
  'completed',
  'failed',
  'cancelled',
  'expired',
] as const;

describe.each([
  ['en', en],
  ['es', es],
] as const)('a state in %s', (locale, texts) => {
  beforeEach(() => localStorage.setItem('avance.language', locale));
  afterEach(cleanup);

  it.each(STATES)('%s is a sign and a word', (state) => {
    const { container } = render(
      <I18nProvider>
        <StateMark state={state} />
      </I18nProvider>,
    );
    expect(screen.getByText(texts[`state.${state}`])).toBeTruthy();
    expect(container.querySelector('svg[aria-hidden=true] path')).not.toBeNull();
    expect(document.documentElement.lang).toBe(locale);
  });
});
