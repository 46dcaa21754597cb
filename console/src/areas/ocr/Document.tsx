import { asAvanceError } from '@avance/client';
import { useAvance, useJob } from '@avance/react';
import { useEffect, useMemo, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useToast } from '../../app/Toasts.tsx';
import { useI18n } from '../../i18n/I18n.tsx';
import { sayError } from '../../lib/sayError.ts';
import { useApi } from '../../lib/useApi.ts';
import { useOnline } from '../../lib/useOnline.ts';
import { useRequest } from '../../lib/useRequest.ts';
import { ConfirmDialog } from '../../widgets/ConfirmDialog.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { JobBar } from '../../widgets/JobBar.tsx';
import { Notice } from '../../widgets/Notice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { AreaHead } from '../AreaHead.tsx';
import type { ScreenProps } from '../registry.ts';
import { Badge } from './Badge.tsx';
import { History } from './History.tsx';
import { EXPORTS, isOver, type OcrDocument, type PageRead, pathOf, type Told } from './model.ts';
import css from './Ocr.module.css';
import { Pages } from './Pages.tsx';
import { Review } from './Review.tsx';
import { useTexts } from './texts.ts';
import { useAgain, useSettled } from './useDocuments.ts';
import { bytesOf, save } from './useFile.ts';

/** One document: its pages, its fields, and what a person makes of it. */
export function DocumentScreen({ params: { id = '' } }: ScreenProps) {
  const { t } = useTexts();
  const api = useApi();
  const [changed, change] = useState<OcrDocument>();
  const [ask, askPages] = useMemo(
    () => [
      (signal: AbortSignal) => api.get<Told<OcrDocument>>(pathOf(id), undefined, { signal }),
      (signal: AbortSignal) =>
        api.get<Told<PageRead[]>>(`${pathOf(id)}/pages`, undefined, { signal }),
    ],
    [api, id],
  );
  const { data, error, again } = useRequest(ask);
  const pages = useRequest(askPages);
  const document = changed ?? data?.data;
  const { job, cancel } = useJob(document?.jobId ?? null);
  useAgain(
    again,
    useMemo(() => (job ? [job] : []), [job]),
  );
  const isOpen = document !== undefined && !isOver(document);
  useSettled(again, isOpen);
  const { again: readAgain, isLoading } = pages;
  const status = document?.status;
  // biome-ignore lint/correctness/useExhaustiveDependencies: at its end a document has all of its pages
  useEffect(() => readAgain(), [status, readAgain]);
  // One after the other: many pages may be read while one list of them is on its way.
  const isBehind = !isLoading && (pages.data?.data.length ?? 0) < (job?.progress.current ?? 0);
  useEffect(() => {
    if (isBehind && isOpen) readAgain();
  }, [isBehind, isOpen, readAgain]);
  return (
    <>
      <AreaHead area="ocr" title={document?.fileName ?? t('title')} />
      <p>
        <Link href="/ocr">{t('back')}</Link>
      </p>
      {error && !document && (
        <ErrorNotice title={t('document.failed')} error={error} onRetry={again} />
      )}
      {!document && !error && <Skeleton rows={6} />}
      {document && (
        <div className={css.screen}>
          <Actions document={document} onCancel={cancel} />
          {isOpen && job && <JobBar job={job} />}
          {document.error && (
            <Notice tone="error" title={t('document.error')}>
              <p>{document.error}</p>
            </Notice>
          )}
          <div className={css.sides}>
            <Pages id={id} pages={pages} />
            {isOver(document) && (
              <div className={css.screen}>
                <Review key={document.updatedAt} document={document} onChange={change} />
                <History document={document} />
              </div>
            )}
          </div>
        </div>
      )}
    </>
  );
}

interface ActionsProps {
  document: OcrDocument;
  onCancel: () => Promise<unknown>;
}

function Actions({ document, onCancel }: ActionsProps) {
  const { t } = useTexts();
  const { t: say } = useI18n();
  const api = useApi();
  const client = useAvance();
  const toast = useToast();
  const isOnline = useOnline();
  const [, go] = useLocation();
  const [isAsking, setAsking] = useState(false);
  const act = (work: () => Promise<unknown>): void => {
    work().catch((thrown: unknown) =>
      toast({ tone: 'error', text: sayError(asAvanceError(thrown), say) }),
    );
  };
  const file = encodeURIComponent(document.id);
  const isDone = isOver(document);
  return (
    <div className={css.row}>
      <Badge document={document} />
      {document.ocrResult && (
        <span>
          {t('confidence')}: {t('percent', { n: document.ocrResult.confidence })}
        </span>
      )}
      {!isDone && document.jobId && (
        <button type="button" disabled={!isOnline} onClick={() => act(onCancel)}>
          {t('cancel')}
        </button>
      )}
      {isDone && <span>{t('export')}</span>}
      {isDone &&
        EXPORTS.map((kind) => (
          <button
            key={kind}
            type="button"
            disabled={!isOnline}
            onClick={() =>
              act(async () =>
                save(
                  await bytesOf(client, `${pathOf(document.id)}/export/${kind}`),
                  `${document.fileName}.${kind}`,
                ),
              )
            }
          >
            {t(`export.${kind}`)}
          </button>
        ))}
      <button
        type="button"
        disabled={!isOnline}
        onClick={() =>
          act(async () =>
            save(await bytesOf(client, `/api/ocr/public-file/${file}`), document.fileName),
          )
        }
      >
        {t('original')}
      </button>
      <button type="button" disabled={!isOnline} onClick={() => setAsking(true)}>
        {t('delete')}
      </button>
      <ConfirmDialog
        title={t('deleteTitle')}
        text={t('deleteText', { name: document.fileName })}
        action={t('delete')}
        isOpen={isAsking}
        onClose={() => setAsking(false)}
        onConfirm={() =>
          act(async () => {
            await api.del(`/api/ocr/delete/${file}`);
            go('/ocr');
          })
        }
      />
    </div>
  );
}
