import type { AvanceError, TaskView } from '@avance/client';
import { useAvance } from '@avance/react';
import { type FormEvent, useMemo, useRef, useState } from 'react';
import { useI18n } from '../../i18n/I18n.tsx';
import { useOnline } from '../../lib/useOnline.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { FieldInput } from './FieldInput.tsx';
import { fieldsOf, type Problem, parse } from './schema.ts';
import css from './Try.module.css';

export interface TaskFormProps {
  task: TaskView;
  onSubmitted: (id: string) => void;
}

export function TaskForm({ task, onSubmitted }: TaskFormProps) {
  const { t } = useI18n();
  const client = useAvance();
  const isOnline = useOnline();
  const form = useRef<HTMLFormElement>(null);
  const fields = useMemo(() => fieldsOf(task.params), [task]);
  const [typed, setTyped] = useState(() =>
    Object.fromEntries(fields.map((field) => [field.name, field.initial])),
  );
  const [problems, setProblems] = useState<Record<string, Problem>>({});
  const [error, setError] = useState<AvanceError>();
  const [isSubmitting, setSubmitting] = useState(false);

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const read = parse(fields, typed);
    setProblems(read.problems);
    setError(undefined);
    const [first] = Object.keys(read.problems);
    if (first !== undefined) {
      form.current?.querySelector<HTMLElement>(`[name="${CSS.escape(first)}"]`)?.focus();
      return;
    }
    setSubmitting(true);
    await client.submit(task.name, read.params).then(
      (job) => onSubmitted(job.id),
      (refusal: AvanceError) => setError(refusal),
    );
    setSubmitting(false);
  };
  return (
    <form ref={form} className={css.form} onSubmit={(event) => void submit(event)} noValidate>
      {task.description && <p className={css.note}>{task.description}</p>}
      {fields.length === 0 && <p>{t('try.noParameters')}</p>}
      {fields.map((field) => (
        <FieldInput
          key={field.name}
          field={field}
          value={typed[field.name] ?? ''}
          problem={problems[field.name]}
          onChange={(value) => setTyped((before) => ({ ...before, [field.name]: value }))}
        />
      ))}
      {error && <ErrorNotice title={t('error.action')} error={error} />}
      <button type="submit" className={css.submit} disabled={isSubmitting || !isOnline}>
        {isSubmitting ? t('try.submitting') : t('try.submit')}
      </button>
    </form>
  );
}
