import { useMemo } from 'react';
import { useApi } from '../../lib/useApi.ts';
import { useRequest } from '../../lib/useRequest.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Moment } from '../../widgets/Moment.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { type Change, differences, type OcrDocument, pathOf, type Told } from './model.ts';
import css from './Ocr.module.css';
import { useTexts } from './texts.ts';

/** Who corrected or decided what; told anew when the document changed. */
export function History({ document: { id, updatedAt } }: { document: OcrDocument }) {
  const { t } = useTexts();
  const api = useApi();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another moment asks again
  const ask = useMemo(
    () => (signal: AbortSignal) =>
      api.get<Told<Change[]>>(`${pathOf(id)}/history`, undefined, { signal }),
    [api, id, updatedAt],
  );
  const { data, error, again } = useRequest(ask);
  return (
    <section className={css.screen}>
      <h2>{t('history')}</h2>
      {error && <ErrorNotice title={t('historyFailed')} error={error} onRetry={again} />}
      {!data && !error && <Skeleton rows={2} />}
      {data?.data.length === 0 && <p className={css.muted}>{t('historyEmpty')}</p>}
      <ol className={css.findings} data-testid="history">
        {data?.data.map((change) => (
          <li key={`${change.timestamp} ${change.action} ${JSON.stringify(change.after)}`}>
            <Moment at={change.timestamp} /> · {change.author}{' '}
            {t(change.action === 'decide' ? 'decided' : 'corrected')}
            <ul>
              {differences(change).map((one) => (
                <li key={one}>{one}</li>
              ))}
            </ul>
          </li>
        ))}
      </ol>
    </section>
  );
}
