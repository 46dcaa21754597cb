import { useState } from 'react';
import type { RequestState } from '../../lib/useRequest.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { type PageRead, pathOf, SURE, type Told, type Word } from './model.ts';
import css from './Ocr.module.css';
import { useTexts } from './texts.ts';
import { usePicture } from './useFile.ts';

const PERCENT = 100;

/** The pages of a document, with every word at its place. */
export function Pages({ id, pages }: { id: string; pages: RequestState<Told<PageRead[]>> }) {
  const { t } = useTexts();
  const [index, go] = useState(0);
  const { data, error, again } = pages;
  if (error) return <ErrorNotice title={t('pageFailed')} error={error} onRetry={again} />;
  if (data === undefined) return <Skeleton rows={6} />;
  const page = data.data[index] ?? data.data[0];
  if (page === undefined) return <p className={css.muted}>{t('pageEmpty')}</p>;
  const unsure = page.words.filter(({ confidence }) => confidence < SURE).length;
  const title = t('page', { n: page.number, of: page.of });
  return (
    <div className={css.screen}>
      <div className={css.row}>
        <h2>{title}</h2>
        {data.data.length > 1 &&
          data.data.map(({ number, of }, at) => (
            <button
              key={number}
              type="button"
              aria-label={t('page', { n: number, of })}
              aria-pressed={at === index}
              onClick={() => go(at)}
            >
              {number}
            </button>
          ))}
        <span data-testid="unsure">{t('unsure', { n: unsure })}</span>
      </div>
      <p className={css.muted}>{t('legend', { n: SURE * PERCENT })}</p>
      <PageView key={page.number} id={id} page={page} title={title} />
      <details>
        <summary>{t('asText')}</summary>
        <p className={css.text}>{page.text}</p>
      </details>
    </div>
  );
}

interface PageViewProps {
  id: string;
  page: PageRead;
  title: string;
}

/** The server draws each page as it was read: also those of a PDF, and a photo that lies on its side. */
function PageView({ id, page: { number, width, height, words }, title }: PageViewProps) {
  const { t } = useTexts();
  const picture = usePicture(`${pathOf(id)}/pages/${number}/image`);
  return (
    <>
      {picture === null && <p className={css.muted}>{t('noPicture')}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached with the keyboard */}
      <section className={css.page} tabIndex={0} aria-label={title}>
        <svg viewBox={`0 0 ${width} ${height}`} data-picture={picture ? 'yes' : 'no'}>
          <title>{title}</title>
          {picture && (
            <image href={picture} width={width} height={height} preserveAspectRatio="none" />
          )}
          {words.map((word, at) => (
            <WordBox key={at} word={word} />
          ))}
        </svg>
      </section>
    </>
  );
}

/** The box says how sure it is by its stroke; the text over the picture can be selected and copied. */
function WordBox({ word: { text, confidence, left, top, right, bottom } }: { word: Word }) {
  const { t } = useTexts();
  const [width, height] = [Math.max(right - left, 1), Math.max(bottom - top, 1)];
  return (
    <g data-unsure={confidence < SURE || undefined}>
      <title>{`${text}: ${t('percent', { n: Math.round(confidence * PERCENT) })}`}</title>
      <rect x={left} y={top} width={width} height={height} />
      <text
        x={left}
        y={bottom - height * 0.2}
        fontSize={height * 0.9}
        textLength={width}
        lengthAdjust="spacingAndGlyphs"
      >
        {text}{' '}
      </text>
    </g>
  );
}
