import { useI18n } from '../i18n/I18n.tsx';
import { useDelayed } from '../lib/useDelayed.ts';
import css from './Skeleton.module.css';

/** Where rows will be, once waiting for them has become noticeable. */
export function Skeleton({ rows }: { rows: number }) {
  const { t } = useI18n();
  if (!useDelayed(true)) return null;
  return (
    <div className={css.skeleton} aria-busy="true">
      <span className="visually-hidden">{t('loading.now')}</span>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} />
      ))}
    </div>
  );
}
