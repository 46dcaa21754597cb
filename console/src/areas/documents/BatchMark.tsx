import css from './Batches.module.css';
import type { BatchStatus } from './model.ts';
import { type TextKey, useTexts } from './texts.ts';

const MARKS: Readonly<Record<BatchStatus, { sign: string; text: TextKey }>> = {
  pending: { sign: '…', text: 'batch.pending' },
  validating: { sign: '▸', text: 'batch.validating' },
  processing: { sign: '▸', text: 'batch.processing' },
  completed: { sign: '✓', text: 'batch.completed' },
  partial: { sign: '!', text: 'batch.partial' },
  failed: { sign: '✗', text: 'batch.ended' },
};

/** The state of a batch as sign, word and colour. */
export function BatchMark({ status }: { status: BatchStatus }) {
  const { t } = useTexts();
  const { sign, text } = MARKS[status];
  return (
    <span className={css.mark} data-status={status} data-testid="batch-state">
      <span aria-hidden="true">{sign}</span> {t(text)}
    </span>
  );
}
