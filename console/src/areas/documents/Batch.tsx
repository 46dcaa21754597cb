import { useState } from 'react';
import { useAct } from '../../lib/useAct.ts';
import { type ServerApi, useApi } from '../../lib/useApi.ts';
import { useOnline } from '../../lib/useOnline.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Notice } from '../../widgets/Notice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { AreaHead } from '../AreaHead.tsx';
import type { ScreenProps } from '../registry.ts';
import { AgainButton } from './AgainButton.tsx';
import { BatchDrop } from './BatchDrop.tsx';
import css from './Batches.module.css';
import { BatchFiles } from './BatchFiles.tsx';
import { BatchMark } from './BatchMark.tsx';
import { BatchRepository } from './BatchRepository.tsx';
import { csvOf } from './csv.ts';
import { type BatchFile, type BatchStanding, isUnderWay } from './model.ts';
import { saveCsv } from './save.ts';
import { useTexts } from './texts.ts';
import { useBatch } from './useBatch.ts';

const PAGE = 50;
const EXPORT_FILES = 10_000;

/** One batch: drop files on it, see each move, cancel it, read again what failed, save it as a table. */
export function BatchScreen({ params: { id = '' } }: ScreenProps) {
  const { t } = useTexts();
  const [limit, setLimit] = useState(PAGE);
  const state = useBatch(id, limit);
  const { data, error, isLoading, again } = state;
  return (
    <>
      <AreaHead area="documents" title={data?.batch.name ?? t('batch.title')} />
      <div className={css.screen}>
        {error && <ErrorNotice title={t('batch.unread')} error={error} onRetry={again} />}
        {!data && isLoading && <Skeleton rows={6} />}
        {data && (
          <>
            <Head standing={data} onChanged={again} />
            <BatchDrop id={id} onTaken={again} />
            <BatchRepository id={id} onBegun={again} />
            {data.statistics.total === 0 ? (
              <Notice tone="empty" title={t('batch.none')} />
            ) : (
              <BatchFiles
                standing={data}
                isLoading={isLoading}
                onChanged={again}
                onMore={() => setLimit((before) => before + PAGE)}
              />
            )}
          </>
        )}
      </div>
    </>
  );
}

function Head({ standing, onChanged }: { standing: BatchStanding; onChanged: () => void }) {
  const { t } = useTexts();
  const api = useApi();
  const isOnline = useOnline();
  const { error, isBusy, act } = useAct();
  const { batch, statistics, progress_percentage: percent } = standing;
  const cancel = (): void =>
    void act(async () => {
      await api.post(`/batch/${encodeURIComponent(batch.id)}/cancel`);
      onChanged();
      return t('batch.cancelled');
    });
  const columns = [
    'list.name',
    'batches.state',
    'list.chunks',
    'batch.size',
    'batch.error',
  ] as const;
  return (
    <section className={css.panel} aria-label={t('batch.progress')}>
      <div className={css.row}>
        <BatchMark status={batch.status} />
        <span>
          {t('collection')}: {batch.collection_name}
        </span>
        {isUnderWay(batch.status) && (
          <button type="button" disabled={isBusy || !isOnline} onClick={cancel}>
            {t('batch.cancel')}
          </button>
        )}
        {statistics.failed > 0 && <AgainButton batch={batch.id} onBegun={onChanged} />}
        {statistics.total > 0 && (
          <button
            type="button"
            onClick={() =>
              void act(async () => {
                const files = await allFiles(api, batch.id);
                saveCsv(
                  `${batch.name}.csv`,
                  csvOf([
                    columns.map((key) => t(key)),
                    ...files.map((file) => [
                      file.filename,
                      file.status,
                      file.chunk_count,
                      file.file_size,
                      file.error_message ?? '',
                    ]),
                  ]),
                );
                return t('batches.saved', { n: files.length });
              })
            }
          >
            {t('batch.export')}
          </button>
        )}
      </div>
      <progress max={100} value={percent} aria-label={t('batch.progress')} />
      <Counts statistics={statistics} />
      {batch.error_summary && (
        <p lang="en" data-testid="batch-summary">
          {batch.error_summary}
        </p>
      )}
      {error && <ErrorNotice title={t('batch.notDone')} error={error} />}
    </section>
  );
}

function Counts({ statistics }: Pick<BatchStanding, 'statistics'>) {
  const { t } = useTexts();
  const counts = [
    [t('batches.files'), statistics.total],
    [t('batch.waiting'), statistics.pending],
    [t('batch.running'), statistics.processing],
    [t('batches.done'), statistics.completed],
    [t('batches.wrong'), statistics.failed],
  ] as const;
  return (
    <dl className={css.counts} data-testid="counts">
      {counts.map(([name, n]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{n}</dd>
        </div>
      ))}
    </dl>
  );
}

async function allFiles(api: ServerApi, id: string): Promise<readonly BatchFile[]> {
  const path = `/batch/${encodeURIComponent(id)}/status`;
  return (await api.get<BatchStanding>(path, { limit: EXPORT_FILES })).documents;
}
