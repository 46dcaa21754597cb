import { useI18n } from '../i18n/I18n.tsx';
import type { Pages } from '../lib/useCursor.ts';
import css from './More.module.css';

/** How many are shown, and the way to the next page. */
export function More({ pages }: { pages: Pages<unknown> }) {
  const { t } = useI18n();
  return (
    <p className={css.more}>
      <span>{t('more.count', { n: pages.items.length })}</span>
      {pages.hasMore && (
        <button type="button" disabled={pages.isLoading} onClick={pages.more}>
          {t('more.show')}
        </button>
      )}
    </p>
  );
}
