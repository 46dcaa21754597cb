import type { LogLine } from '@avance/client';
import { memo, type RefObject, useEffect, useRef, useState } from 'react';
import { useI18n } from '../../i18n/I18n.tsx';
import { useKeys } from '../../lib/useKeys.ts';
import { useNear } from '../../lib/useNear.ts';
import { Moment } from '../../widgets/Moment.tsx';
import css from './Log.module.css';

const PART = 100;
/** Until a part has been drawn, a line is taken to be this high. */
const LINE_PX = 20;
/** Drawn before it comes into view. */
const AHEAD = '400px 0px';

export function Log({ lines, isLive }: { lines: readonly LogLine[]; isLive: boolean }) {
  const { t } = useI18n();
  const [isFollowing, follow] = useState(true);
  const box = useRef<HTMLElement>(null);
  useKeys({ l: () => follow((before) => !before) });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new line moves the end
  useEffect(() => {
    if (isFollowing) box.current?.scrollTo({ top: box.current.scrollHeight });
  }, [lines, isFollowing]);
  const parts = Array.from({ length: Math.ceil(lines.length / PART) }, (_, n) => n * PART);
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
        <section ref={box} className={css.lines} tabIndex={0} aria-label={t('job.log')}>
          {parts.map((from) => {
            const shown = lines.slice(from, from + PART);
            return <Part key={from} box={box} lines={shown} isLast={from + PART >= lines.length} />;
          })}
        </section>
      )}
    </section>
  );
}

interface PartProps {
  box: RefObject<HTMLElement | null>;
  lines: readonly LogLine[];
  /** Always drawn, so that the end stays where it is. */
  isLast: boolean;
}

/** Some lines of a log; those far from what is seen are held open as empty space. */
function Part({ box, lines, isLast }: PartProps) {
  const estimatePx = lines.length * LINE_PX;
  const { ref, isNear, height } = useNear<HTMLOListElement>(estimatePx, AHEAD, box);
  const isDrawn = isNear || isLast;
  return (
    <ol ref={ref} start={lines[0]?.seq} style={isDrawn ? undefined : { height }}>
      {isDrawn && lines.map((line) => <Line key={line.seq} line={line} />)}
    </ol>
  );
}

const Line = memo(function Line({ line }: { line: LogLine }) {
  return (
    <li data-level={line.level}>
      <Moment at={line.ts} />
      <span className={css.level}>{line.level}</span>
      <span>
        {line.message}
        {line.fields && <code> {JSON.stringify(line.fields)}</code>}
      </span>
    </li>
  );
});
