import type { LogLine } from '@avance/client';
import { useEffect, useRef, useState } from 'react';
import { useI18n } from '../../i18n/I18n.tsx';
import { useKeys } from '../../lib/useKeys.ts';
import { Moment } from '../../widgets/Moment.tsx';
import css from './Log.module.css';

export function Log({ lines, isLive }: { lines: readonly LogLine[]; isLive: boolean }) {
  const { t } = useI18n();
  const [isFollowing, follow] = useState(true);
  const box = useRef<HTMLOListElement>(null);
  useKeys({ l: () => follow((before) => !before) });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new line moves the end
  useEffect(() => {
    if (isFollowing) box.current?.scrollTo({ top: box.current.scrollHeight });
  }, [lines, isFollowing]);
  return (
    <section>
      <div className={css.head}>
        <h2>{t('job.log')}</h2>
        {lines.length > 0 && <span>{t('job.logCount', { n: lines.length })}</span>}
        {isLive && lines.length > 0 && (
          <label>
            <input
              type="checkbox"
              checked={isFollowing}
              onChange={(event) => follow(event.target.checked)}
            />
            {t('job.follow')}
          </label>
        )}
      </div>
      {lines.length === 0 ? (
        <p className={css.none}>{t('job.logEmpty')}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached with the keyboard
        <ol ref={box} className={css.lines} tabIndex={0} aria-label={t('job.log')}>
          {lines.map((line) => (
            <li key={line.seq} data-level={line.level}>
              <Moment at={line.ts} />
              <span className={css.level}>{line.level}</span>
              <span>
                {line.message}
                {line.fields && <code> {JSON.stringify(line.fields)}</code>}
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
