import { useAvance } from '@avance/react';
import { useCallback } from 'react';
import { useI18n } from '../../i18n/I18n.tsx';
import { useRequest } from '../../lib/useRequest.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { ResultView } from '../../widgets/ResultView.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';

/** The arguments as they were submitted. */
export function Input({ id }: { id: string }) {
  const { t } = useI18n();
  const { api } = useAvance();
  const { data, error, again } = useRequest(
    useCallback((signal: AbortSignal) => api.input(id, { signal }), [api, id]),
  );
  if (error) return <ErrorNotice title={t('error.title')} error={error} onRetry={again} />;
  if (data === undefined) return <Skeleton rows={2} />;
  return <ResultView id={`${id}-input`} value={data} />;
}
