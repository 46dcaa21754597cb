import { Link } from 'wouter';
import { useI18n } from '../i18n/I18n.tsx';
import { useTitle } from '../lib/useTitle.ts';

export function NotFound() {
  const { t } = useI18n();
  useTitle(t('app.notFound'));
  return (
    <>
      <h1>{t('app.notFound')}</h1>
      <p>{t('app.notFoundHint')}</p>
      <p>
        <Link href="/jobs">{t('job.back')}</Link>
      </p>
    </>
  );
}
