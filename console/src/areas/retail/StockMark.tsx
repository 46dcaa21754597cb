import type { Product } from './model.ts';
import css from './Retail.module.css';
import { useTexts } from './texts.ts';

/** Whether there is enough, as sign, word and colour. */
export function StockMark({ product: { stock, is_low } }: { product: Product }) {
  const { t } = useTexts();
  const word = stock <= 0 ? 'soldOut' : is_low ? 'alert' : 'enough';
  return (
    <span className={css.mark} data-word={word}>
      <span aria-hidden="true">{is_low ? '⚠' : '✓'}</span> {t(word)}
    </span>
  );
}
