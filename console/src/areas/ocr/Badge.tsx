import { type Decision, isOver, type OcrDocument } from './model.ts';
import css from './Ocr.module.css';
import { useTexts } from './texts.ts';

const SIGNS = {
  pending: '…',
  processing: '▶',
  completed: '✓',
  failed: '✕',
  APPROVED: '✓',
  MANUAL_REVIEW: '?',
  REJECTED: '✕',
} as const;

/** A state as sign, word and colour. */
export function Badge({ document }: { document: OcrDocument }) {
  return <Mark word={document.status} isLive={!isOver(document)} />;
}

export function DecisionBadge({ decision }: { decision: Decision | undefined }) {
  return <Mark word={decision ?? 'PENDING'} />;
}

function Mark({ word, isLive }: { word: keyof typeof SIGNS | 'PENDING'; isLive?: boolean }) {
  const { t } = useTexts();
  return (
    <span className={css.badge} data-word={word} data-live={isLive || undefined}>
      <span aria-hidden="true">{word === 'PENDING' ? '…' : SIGNS[word]}</span> {t(word)}
    </span>
  );
}
