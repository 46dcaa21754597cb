import { useAct } from '../../lib/useAct.ts';
import { useApi } from '../../lib/useApi.ts';
import { useOnline } from '../../lib/useOnline.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import type { BatchFile } from './model.ts';
import { useTexts } from './texts.ts';

interface Begun {
  /** Failed where it can no longer be tried. */
  status: string;
}

export interface AgainButtonProps {
  batch: string;
  /** Without one, all that failed. */
  file?: BatchFile;
  onBegun: () => void;
}

/** Tries what failed once more: it counts as before, with a job of its own. */
export function AgainButton({ batch, file, onBegun }: AgainButtonProps) {
  const { t } = useTexts();
  const api = useApi();
  const isOnline = useOnline();
  const { error, isBusy, act } = useAct();
  const again = async (): Promise<string> => {
    const wanted = file && { document_ids: [file.id] };
    const begun = await api.post<readonly Begun[]>(
      `/batch/${encodeURIComponent(batch)}/retry`,
      wanted ?? {},
    );
    onBegun();
    const n = begun.filter(({ status }) => status !== 'failed').length;
    return n > 0 ? t('batch.retried', { n }) : t('batch.notRetried');
  };
  return (
    <>
      <button
        type="button"
        aria-label={file && t('row.retry', { name: file.filename })}
        disabled={isBusy || !isOnline}
        onClick={() => void act(again)}
      >
        {t(file ? 'retry' : 'batch.retryAll')}
      </button>
      {error && <ErrorNotice title={t('batch.notRetried')} error={error} />}
    </>
  );
}
