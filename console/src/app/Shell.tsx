import type { Notice } from '@avance/client';
import { Bell, ConnectionBadge, Toaster } from '@avance/react';
import { type ReactNode, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { AREAS } from '../areas/registry.ts';
import { useApps } from '../areas/useApps.tsx';
import { useI18n } from '../i18n/I18n.tsx';
import { LOCALES } from '../i18n/translate.ts';
import { useKeys } from '../lib/useKeys.ts';
import { useOnline } from '../lib/useOnline.ts';
import { applyTheme, readTheme, THEMES, type Theme } from '../theme/theme.ts';
import { Choice } from '../widgets/Choice.tsx';
import { Disconnected } from './Disconnected.tsx';
import { KeysDialog } from './KeysDialog.tsx';
import { useSession } from './SessionGate.tsx';
import css from './Shell.module.css';

const LANGUAGES = { en: 'English', es: 'Español' } as const;

export function Shell({ children }: { children: ReactNode }) {
  const { t, locale, setLocale } = useI18n();
  const [theme, setTheme] = useTheme();
  const [, navigate] = useLocation();
  const keys = useRef<HTMLDialogElement>(null);
  const isOnline = useOnline();
  const { names } = useApps();
  const { me, signOut } = useSession();
  const open = ({ job_id }: Notice): void =>
    navigate(job_id ? `/jobs/${encodeURIComponent(job_id)}` : '/inbox');
  useKeys({
    'g n': () => navigate('/'),
    'g j': () => navigate('/jobs'),
    'g i': () => navigate('/inbox'),
    'g w': () => me.role === 'admin' && navigate('/workers'),
    'g t': () => navigate('/try'),
    t: () => setTheme(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system'),
    '?': () => keys.current?.showModal(),
  });
  return (
    <>
      <a className={`visually-hidden ${css.skip}`} href="#content">
        {t('app.skip')}
      </a>
      <header className={css.header}>
        <Link href="/" className={css.brand}>
          avance
        </Link>
        <nav aria-label={t('app.sections')} className={css.nav}>
          <NavLink to="/">{t('nav.now')}</NavLink>
          <NavLink to="/jobs">{t('nav.jobs')}</NavLink>
          {AREAS.filter((area) => names?.has(area.needs)).map((area) => (
            <NavLink key={area.name} to={`/${area.name}`}>
              {area.label[locale]}
            </NavLink>
          ))}
          {me.role === 'admin' && <NavLink to="/workers">{t('nav.workers')}</NavLink>}
          {me.role === 'admin' && <NavLink to="/connections">{t('nav.connections')}</NavLink>}
          <NavLink to="/try">{t('nav.try')}</NavLink>
        </nav>
        <div className={css.tools}>
          <ConnectionBadge isAlwaysShown />
          <Bell
            onOpen={open}
            renderFoot={(close) => (
              <Link href="/inbox" className={css.all} onClick={close}>
                {t('nav.inbox')}
              </Link>
            )}
          />
          <Choice
            label={t('app.language')}
            value={locale}
            options={LOCALES.map((one) => [one, LANGUAGES[one]])}
            onChange={setLocale}
          />
          <Choice
            label={t('app.theme')}
            value={theme}
            options={THEMES.map((one) => [one, t(`theme.${one}`)])}
            onChange={setTheme}
          />
          <button
            type="button"
            aria-label={t('app.keys')}
            title={t('app.keys')}
            onClick={() => keys.current?.showModal()}
          >
            ?
          </button>
          {!me.is_open && (
            <button type="button" title={me.user} onClick={signOut}>
              {t('signIn.out')}
            </button>
          )}
        </div>
      </header>
      {!isOnline && (
        <p className={css.offline} role="status">
          {t('app.offline')}
        </p>
      )}
      <Disconnected />
      <main id="content" tabIndex={-1} className={css.main}>
        {children}
      </main>
      <Toaster onOpen={open} />
      <KeysDialog ref={keys} />
    </>
  );
}

function NavLink({ to, children }: { to: string; children: ReactNode }) {
  const [location] = useLocation();
  const isHere = location === to || (to !== '/' && location.startsWith(`${to}/`));
  return (
    <Link href={to} aria-current={isHere ? 'page' : undefined}>
      {children}
    </Link>
  );
}

function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, set] = useState(readTheme);
  const choose = (next: Theme): void => {
    applyTheme(next);
    set(next);
  };
  return [theme, choose];
}
