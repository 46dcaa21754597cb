import { UploadList, useUploads } from '@avance/react';
import { useMemo } from 'react';
import { Link, useSearch } from 'wouter';
import { useApi } from '../../lib/useApi.ts';
import { useOnline } from '../../lib/useOnline.ts';
import { type Column, DataTable } from '../../widgets/DataTable.tsx';
import { DropZone } from '../../widgets/DropZone.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { JobBar } from '../../widgets/JobBar.tsx';
import { Moment } from '../../widgets/Moment.tsx';
import { More } from '../../widgets/More.tsx';
import { Notice } from '../../widgets/Notice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { AreaHead } from '../AreaHead.tsx';
import { Badge, DecisionBadge } from './Badge.tsx';
import { isOver, type OcrDocument, pathOf, STATUSES, type Told } from './model.ts';
import css from './Ocr.module.css';
import { useTexts } from './texts.ts';
import { type Documents, useDocuments } from './useDocuments.ts';

const ACCEPT = '.pdf,.png,.jpg,.jpeg,.tif,.tiff';

/** Drop documents, and see where each of them is. */
export function Home() {
  const { t } = useTexts();
  const query = new URLSearchParams(useSearch());
  const status = STATUSES.find((one) => one === query.get('status')) ?? 'all';
  const documents = useDocuments(status);
  return (
    <>
      <AreaHead area="ocr" title={t('title')} />
      <div className={css.screen}>
        <Drop onSent={documents.again} />
        <nav className={css.tabs} aria-label={t('list.show')}>
          {(['all', ...STATUSES] as const).map((one) => (
            <Link
              key={one}
              href={one === 'all' ? '/ocr' : `/ocr?status=${one}`}
              aria-current={one === status ? 'true' : undefined}
            >
              {t(one)}
            </Link>
          ))}
        </nav>
        <Table documents={documents} hasFilter={status !== 'all'} />
      </div>
    </>
  );
}

interface Taken {
  data: { documents: readonly { id: string }[] };
}

function Drop({ onSent }: { onSent: () => void }) {
  const { t } = useTexts();
  const api = useApi();
  const isOnline = useOnline();
  const uploads = useUploads({
    async send(file, options) {
      const form = new FormData();
      form.append('files[]', file, file.name);
      const { data } = await api.upload<Taken>('/api/ocr/upload', form, options);
      onSent();
      const id = data.documents[0]?.id;
      if (id === undefined) return undefined;
      return (await api.get<Told<OcrDocument>>(pathOf(id))).data.jobId;
    },
  });
  return (
    <>
      <DropZone
        hint={t('drop.hint')}
        accept={ACCEPT}
        isDisabled={!isOnline}
        onFiles={uploads.add}
      />
      <UploadList uploads={uploads} />
    </>
  );
}

function Table({ documents, hasFilter }: { documents: Documents; hasFilter: boolean }) {
  const { t } = useTexts();
  const { jobs } = documents;
  const columns = useMemo<readonly Column<OcrDocument>[]>(
    () => [
      {
        key: 'name',
        title: t('name'),
        cell: ({ id, fileName }) => (
          <Link href={`/ocr/documents/${encodeURIComponent(id)}`}>{fileName}</Link>
        ),
      },
      { key: 'state', title: t('state'), cell: (one) => <Badge document={one} /> },
      {
        key: 'progress',
        title: t('progress'),
        cell: (one) => {
          const job = jobs.get(one.jobId ?? '');
          return job && !isOver(one) ? <JobBar job={job} isCompact /> : null;
        },
      },
      { key: 'type', title: t('type'), isMinor: true, cell: (one) => one.documentType },
      {
        key: 'confidence',
        title: t('confidence'),
        isNumber: true,
        isMinor: true,
        cell: ({ ocrResult }) => ocrResult && t('percent', { n: ocrResult.confidence }),
      },
      {
        key: 'decision',
        title: t('decision'),
        cell: (one) => isOver(one) && <DecisionBadge decision={one.finalDecision} />,
      },
      {
        key: 'updated',
        title: t('updated'),
        isMinor: true,
        cell: (one) => <Moment at={one.updatedAt} />,
      },
    ],
    [t, jobs],
  );
  const { items, error, isLoading, again } = documents;
  if (items.length === 0 && isLoading) return <Skeleton rows={4} />;
  return (
    <>
      {error && <ErrorNotice title={t('list.failed')} error={error} onRetry={again} />}
      {items.length === 0 && !error && <Empty hasFilter={hasFilter} />}
      {items.length > 0 && (
        <>
          <DataTable
            caption={t('list.title')}
            columns={columns}
            rows={items}
            rowKey={({ id }) => id}
          />
          <More pages={documents} />
        </>
      )}
    </>
  );
}

function Empty({ hasFilter }: { hasFilter: boolean }) {
  const { t } = useTexts();
  return (
    <Notice tone="empty" title={t(hasFilter ? 'list.emptyFiltered' : 'list.empty')}>
      {hasFilter ? <Link href="/ocr">{t('list.clear')}</Link> : <p>{t('list.emptyHint')}</p>}
    </Notice>
  );
}
