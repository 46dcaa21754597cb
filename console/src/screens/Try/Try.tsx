import type { TaskView } from '@avance/client';
import { useAvance } from '@avance/react';
import { useCallback, useId, useState } from 'react';
import { useI18n } from '../../i18n/I18n.tsx';
import { useRequest } from '../../lib/useRequest.ts';
import { useTitle } from '../../lib/useTitle.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Notice } from '../../widgets/Notice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import { TaskForm } from './TaskForm.tsx';
import css from './Try.module.css';
import { WatchCard } from './WatchCard.tsx';

/** More than these are found under Jobs. */
const WATCHED_MAX = 10;

export function TryScreen() {
  const { t } = useI18n();
  const client = useAvance();
  const { data, error, isLoading, again } = useRequest(
    useCallback((signal: AbortSignal) => client.api.tasks({ signal }), [client]),
  );
  const tasks = data?.tasks ?? [];
  useTitle(t('try.title'));
  return (
    <>
      <h1>{t('try.title')}</h1>
      <p className={css.hint}>{t('try.hint')}</p>
      {error && <ErrorNotice title={t('error.title')} error={error} onRetry={again} />}
      {isLoading && tasks.length === 0 && <Skeleton rows={3} />}
      {data !== undefined && tasks.length === 0 && (
        <Notice tone="empty" title={t('try.none')}>
          <p>{t('try.noneHint')}</p>
          <code>avance demo</code>
        </Notice>
      )}
      {tasks.length > 0 && <Bench tasks={tasks} />}
    </>
  );
}

function Bench({ tasks }: { tasks: readonly TaskView[] }) {
  const { t } = useI18n();
  const id = useId();
  const [name, choose] = useState(tasks[0]?.name);
  const [watched, watch] = useState<readonly string[]>([]);
  const task = tasks.find((one) => one.name === name);
  return (
    <div className={css.bench}>
      <section className={css.panel}>
        <div className={css.field}>
          <label htmlFor={id}>{t('try.task')}</label>
          <select id={id} value={name} onChange={(event) => choose(event.target.value)}>
            {tasks.map((one) => (
              <option key={one.name}>{one.name}</option>
            ))}
          </select>
        </div>
        {task && (
          <TaskForm
            key={task.name}
            task={task}
            onSubmitted={(job) => watch((before) => [job, ...before].slice(0, WATCHED_MAX))}
          />
        )}
      </section>
      {watched.length > 0 && (
        <section>
          <h2>{t('try.watching')}</h2>
          <ul className={css.watched}>
            {watched.map((job) => (
              <WatchCard key={job} id={job} />
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}
