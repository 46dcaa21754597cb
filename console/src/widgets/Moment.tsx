import { formatTime } from '../i18n/format.ts';
import { useI18n } from '../i18n/I18n.tsx';

export function Moment({ at }: { at: string }) {
  const { locale } = useI18n();
  return <time dateTime={at}>{formatTime(at, locale, Date.now())}</time>;
}
