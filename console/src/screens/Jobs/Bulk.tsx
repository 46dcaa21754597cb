import { AvanceError, isTerminal, type Job } from '@avance/client';
import { useAvance } from '@avance/react';
import { useState } from 'react';
import { useToast } from '../../app/Toasts.tsx';
import { useI18n } from '../../i18n/I18n.tsx';
import { useOnline } from '../../lib/useOnline.ts';
import { ConfirmDialog } from '../../widgets/ConfirmDialog.tsx';
import css from './Jobs.module.css';

/** More than that is a script's work, not a click's. */
export const SELECTED_MAX = 1_000;
const AT_ONCE = 6;

export interface BulkProps {
  jobs: readonly Job[];
  onDone: () => void;
}

/** What can be done with the selected jobs. */
export function Bulk({ jobs, onDone }: BulkProps) {
  const { t } = useI18n();
  const client = useAvance();
  const toast = useToast();
  const isOnline = useOnline();
  const [isBusy, setBusy] = useState(false);
  const [isAsking, ask] = useState(false);
  const chosen = jobs.slice(0, SELECTED_MAX);
  const active = chosen.filter((job) => !isTerminal(job.state));
  const ended = chosen.filter((job) => isTerminal(job.state));
  const act = async (
    those: readonly Job[],
    action: (id: string) => Promise<unknown>,
  ): Promise<void> => {
    setBusy(true);
    const refused = await inTurn(those, action);
    setBusy(false);
    const done = those.length - refused;
    if (done > 0) toast({ tone: 'good', text: t('jobs.bulkDone', { n: done }) });
    if (refused > 0) toast({ tone: 'error', text: t('jobs.bulkFailed', { n: refused }) });
    onDone();
  };
  const isOff = isBusy || !isOnline;
  return (
    <div className={css.bulk}>
      <span role="status">{t('jobs.selected', { n: chosen.length })}</span>
      {jobs.length > SELECTED_MAX && <span>{t('jobs.bulkMax', { n: SELECTED_MAX })}</span>}
      <button
        type="button"
        disabled={isOff || active.length === 0}
        onClick={() => void act(active, (id) => client.job(id).cancel())}
      >
        {t('jobs.cancelThem')}
      </button>
      <button
        type="button"
        disabled={isOff || ended.length === 0}
        onClick={() => void act(ended, (id) => client.job(id).retry())}
      >
        {t('jobs.retryThem')}
      </button>
      <button type="button" disabled={isOff || ended.length === 0} onClick={() => ask(true)}>
        {t('jobs.deleteThem')}
      </button>
      <ConfirmDialog
        title={t('jobs.deleteTitle')}
        text={t('jobs.deleteText', { n: ended.length })}
        action={t('jobs.deleteThem')}
        isOpen={isAsking}
        onClose={() => ask(false)}
        onConfirm={() => void act(ended, (id) => client.job(id).delete())}
      />
    </div>
  );
}

// Some at a time; gives how many the server refused.
async function inTurn(
  jobs: readonly Job[],
  action: (id: string) => Promise<unknown>,
): Promise<number> {
  const waiting = [...jobs];
  let refused = 0;
  const work = async (): Promise<void> => {
    for (let job = waiting.pop(); job !== undefined; job = waiting.pop()) {
      await action(job.id).catch((error: unknown) => {
        if (!(error instanceof AvanceError)) throw error;
        refused += 1;
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return refused;
}
