import { asAvanceError, type PlaceView, type WorkerList, type WorkerView } from '@avance/client';
import { useMemo } from 'react';
import { Link } from 'wouter';
import { useToast } from '../../app/Toasts.tsx';
import { useI18n } from '../../i18n/I18n.tsx';
import { sayError } from '../../lib/sayError.ts';
import { useApi } from '../../lib/useApi.ts';
import { useOnline } from '../../lib/useOnline.ts';
import { usePolled } from '../../lib/usePolled.ts';
import { useTitle } from '../../lib/useTitle.ts';
import { type Column, DataTable } from '../../widgets/DataTable.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Moment } from '../../widgets/Moment.tsx';
import { Notice } from '../../widgets/Notice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { useTexts } from './texts.ts';
import css from './Workers.module.css';

const EVERY_MS = 3_000;

export function WorkersScreen() {
  const { t: say } = useI18n();
  const { t } = useTexts();
  const api = useApi();
  const toast = useToast();
  const isOnline = useOnline();
  const ask = useMemo(
    () => (signal: AbortSignal) => api.get<WorkerList>('/v1/workers', undefined, { signal }),
    [api],
  );
  const { data, error, again } = usePolled(ask, EVERY_MS);
  useTitle(t('title'));
  const pause = async ({ name, is_paused }: WorkerView): Promise<void> => {
    try {
      await api.post('/v1/workers/pause', { worker: name, is_paused: !is_paused });
    } catch (thrown) {
      toast({ tone: 'error', text: sayError(asAvanceError(thrown), say) });
    }
    again();
  };
  const workers = data?.workers ?? [];
  const columns: Column<WorkerView>[] = [
    { key: 'name', title: t('name'), cell: (worker) => <Name worker={worker} /> },
    { key: 'running', title: t('running'), isNumber: true, cell: ({ running }) => running },
    {
      key: 'free',
      title: t('free'),
      cell: ({ free }) =>
        Object.entries(free)
          .map(([runner, places]) => `${runner} ${places}`)
          .join(' · '),
    },
    {
      key: 'completed',
      title: t('completed'),
      isNumber: true,
      isMinor: true,
      cell: countOf('completed'),
    },
    { key: 'failed', title: t('failed'), isNumber: true, isMinor: true, cell: countOf('failed') },
    {
      key: 'heartbeat',
      title: t('heartbeat'),
      isMinor: true,
      cell: ({ heartbeat_at }) => (heartbeat_at === null ? '–' : <Moment at={heartbeat_at} />),
    },
    {
      key: 'action',
      title: t('action'),
      cell: (worker) =>
        worker.is_here && (
          <button type="button" disabled={!isOnline} onClick={() => void pause(worker)}>
            {t(worker.is_paused ? 'resume' : 'pause')}
          </button>
        ),
    },
  ];
  return (
    <div className={css.screen}>
      <h1>{t('title')}</h1>
      {error && <ErrorNotice title={say('error.title')} error={error} onRetry={again} />}
      {data === undefined && !error && <Skeleton rows={3} />}
      {data && workers.length === 0 && (
        <Notice tone="empty" title={t('none')}>
          <p>{t('noneHint')}</p>
          <code>avance worker module:app</code>
        </Notice>
      )}
      {workers.length > 0 && (
        <>
          <DataTable caption={t('title')} columns={columns} rows={workers} rowKey={nameOf} />
          <p className={css.hint}>{t('sinceStart')}</p>
          <Places places={workers.flatMap((worker) => worker.places)} />
        </>
      )}
    </div>
  );
}

function nameOf({ name }: WorkerView): string {
  return name;
}

function countOf(name: 'completed' | 'failed'): (worker: WorkerView) => string {
  return (worker) => String(worker[name] ?? '–');
}

function Name({ worker }: { worker: WorkerView }) {
  const { t } = useTexts();
  return (
    <>
      <code>{worker.name}</code>
      {!worker.is_here && <small> {t('elsewhere')}</small>}
      {worker.is_paused && <p className={css.paused}>{t('paused')}</p>}
      {worker.fault !== null && <p className={css.fault}>{t('fault', { why: worker.fault })}</p>}
    </>
  );
}

function Places({ places }: { places: readonly PlaceView[] }) {
  const { t } = useTexts();
  if (places.length === 0) return null;
  const columns: Column<PlaceView>[] = [
    { key: 'place', title: t('place'), cell: ({ name }) => <code>{name}</code> },
    { key: 'runner', title: t('runner'), cell: ({ runner }) => runner },
    { key: 'pid', title: t('pid'), isNumber: true, isMinor: true, cell: ({ pid }) => pid },
    {
      key: 'job',
      title: t('job'),
      cell: ({ job_id }) =>
        job_id === null ? t('idle') : <Link href={`/jobs/${job_id}`}>{job_id}</Link>,
    },
    {
      key: 'since',
      title: t('since'),
      isMinor: true,
      cell: ({ since }) => (since === null ? '–' : <Moment at={since} />),
    },
    { key: 'done', title: t('done'), isNumber: true, isMinor: true, cell: ({ done }) => done },
  ];
  return (
    <section>
      <h2>{t('places')}</h2>
      <DataTable
        caption={t('places')}
        columns={columns}
        rows={places}
        rowKey={({ name, job_id }) => `${name} ${job_id}`}
      />
    </section>
  );
}
