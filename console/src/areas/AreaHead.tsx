import type { ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { useI18n } from '../i18n/I18n.tsx';
import { useTitle } from '../lib/useTitle.ts';
import css from './AreaHead.module.css';
import { AREAS } from './registry.ts';

export interface AreaHeadProps {
  /** Name of the area. */
  area: string;
  title: string;
  /** Buttons beside the title. */
  children?: ReactNode;
}

/** The title of a screen, and the links to the other screens of its area. */
export function AreaHead({ area: name, title, children }: AreaHeadProps) {
  const { locale } = useI18n();
  const [location] = useLocation();
  useTitle(title);
  const area = AREAS.find((one) => one.name === name);
  const links = area?.screens.filter((screen) => screen.label) ?? [];
  const hrefOf = (path: string): string => `/${name}${path === '/' ? '' : path}`;
  return (
    <div className={css.head}>
      <div className={css.row}>
        <h1>{title}</h1>
        {children}
      </div>
      {links.length > 1 && (
        <nav aria-label={area?.label[locale]} className={css.nav}>
          {links.map(({ path, label }) => (
            <Link
              key={path}
              href={hrefOf(path)}
              aria-current={location === hrefOf(path) ? 'page' : undefined}
            >
              {label?.[locale]}
            </Link>
          ))}
        </nav>
      )}
    </div>
  );
}
