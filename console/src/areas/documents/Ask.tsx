import { AvanceError } from '@avance/client';
import { type FormEvent, type KeyboardEvent, useId, useRef, useState } from 'react';
import { Link } from 'wouter';
import { useSession } from '../../app/SessionGate.tsx';
import { useApi } from '../../lib/useApi.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Moment } from '../../widgets/Moment.tsx';
import css from './Ask.module.css';
import { keepTurns, readTurns, TURNS_MAX, type Turn } from './conversation.ts';
import { type Answer, NO_MODEL, passageLink, type SourceRef } from './model.ts';
import { useTexts } from './texts.ts';

const QUESTION_CHARS_MAX = 4_000;

/** A question to one collection, its answer, and the passages that it rests on. */
export function Ask({ collection }: { collection: string }) {
  const { t, locale } = useTexts();
  const api = useApi();
  const id = useId();
  const [question, setQuestion] = useState('');
  const { me } = useSession();
  const [turns, setTurns] = useState(() => readTurns(me.user));
  const [error, setError] = useState<AvanceError>();
  const running = useRef<AbortController>(undefined);
  const [isAsking, setAsking] = useState(false);

  const keep = (now: readonly Turn[]): void => {
    setTurns(now);
    keepTurns(me.user, now);
  };
  const ask = async (): Promise<void> => {
    if (!question.trim()) return;
    running.current?.abort();
    const abort = new AbortController();
    running.current = abort;
    setAsking(true);
    setError(undefined);
    try {
      const body = { query: question, language: locale, collection };
      const found = await api.post<Answer>('/query', body, { signal: abort.signal });
      if (abort.signal.aborted) return;
      const turn = { at: new Date().toISOString(), question, collection, answer: found };
      keep([turn, ...turns].slice(0, TURNS_MAX));
    } catch (thrown) {
      if (abort.signal.aborted) return;
      if (!(thrown instanceof AvanceError)) throw thrown;
      setError(thrown);
    } finally {
      if (running.current === abort) setAsking(false);
    }
  };
  return (
    <section className={css.ask} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{t('ask.title')}</h2>
      <form
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          void ask();
        }}
      >
        <label htmlFor={id}>{t('ask.question')}</label>
        <textarea
          id={id}
          rows={2}
          maxLength={QUESTION_CHARS_MAX}
          value={question}
          aria-describedby={`${id}-hint`}
          onChange={(event) => setQuestion(event.target.value)}
          onKeyDown={(event: KeyboardEvent) => {
            if (event.key === 'Enter' && event.ctrlKey) void ask();
          }}
        />
        <div className={css.send}>
          <button type="submit" disabled={!question.trim()}>
            {t('ask.go')}
          </button>
          <small id={`${id}-hint`}>{t('ask.hint')}</small>
          <span role="status">{isAsking && t('ask.thinking')}</span>
        </div>
      </form>
      {error && <ErrorNotice title={t('ask.failed')} error={error} onRetry={() => void ask()} />}
      {turns.map((turn) => (
        <article key={turn.at} className={css.told} aria-label={turn.question}>
          <h3>{turn.question}</h3>
          <p className={css.when}>
            <Moment at={turn.at} /> · {t('collection')}: {turn.collection}
          </p>
          <Told answer={turn.answer} />
        </article>
      ))}
      {turns.length > 0 && (
        <p>
          <button type="button" onClick={() => keep([])}>
            {t('ask.forget')}
          </button>
        </p>
      )}
    </section>
  );
}

function Told({ answer: { answer, sources, metadata } }: { answer: Answer }) {
  const { t } = useTexts();
  if (sources.length === 0) return <p className={css.answer}>{t('ask.nothing')}</p>;
  const isWritten = metadata.model !== NO_MODEL;
  return (
    <>
      <h4>{t('ask.answer')}</h4>
      <p className={css.answer}>{isWritten ? answer : t('ask.passagesOnly')}</p>
      <h4>{t('ask.sources')}</h4>
      <ol className={css.sources}>
        {sources.map((source) => (
          <Source key={source.chunk_id} source={source} />
        ))}
      </ol>
    </>
  );
}

function Source({ source }: { source: SourceRef }) {
  const { t } = useTexts();
  return (
    <li>
      <p>
        <Link href={passageLink(source)}>
          {source.source}, {t('ask.page', { page: source.page })}
        </Link>{' '}
        <small>{t('ask.score', { percent: Math.round(source.score * 100) })}</small>
      </p>
      <blockquote>{source.text}</blockquote>
    </li>
  );
}
