import { useId } from 'react';
import { useI18n } from '../../i18n/I18n.tsx';
import type { Field, Problem } from './schema.ts';
import css from './Try.module.css';

export interface FieldInputProps {
  field: Field;
  value: string;
  problem: Problem | undefined;
  onChange: (value: string) => void;
}

export function FieldInput({ field, value, problem, onChange }: FieldInputProps) {
  const { t } = useI18n();
  const id = useId();
  const notes = [
    field.hint,
    field.kind === 'json' ? t('try.json') : undefined,
    field.isRequired ? undefined : t('try.optional'),
  ].filter(Boolean);
  return (
    <div className={css.field} data-kind={field.kind}>
      <label htmlFor={id}>{field.label}</label>
      <Control id={id} field={field} value={value} problem={problem} onChange={onChange} />
      <p id={`${id}-note`} className={css.note}>
        {notes.join(' · ')}
      </p>
      {problem && (
        <p id={`${id}-problem`} className={css.problem}>
          {t(problem.key, problem.values)}
        </p>
      )}
    </div>
  );
}

function Control({ id, field, value, problem, onChange }: FieldInputProps & { id: string }) {
  const common = {
    id,
    name: field.name,
    'aria-invalid': problem ? true : undefined,
    'aria-describedby': problem ? `${id}-problem ${id}-note` : `${id}-note`,
  };
  switch (field.kind) {
    case 'boolean':
      return (
        <input
          {...common}
          type="checkbox"
          checked={value === 'true'}
          onChange={(event) => onChange(event.target.checked ? 'true' : '')}
        />
      );
    case 'choice':
      return (
        <select {...common} value={value} onChange={(event) => onChange(event.target.value)}>
          {value === '' && <option value="" />}
          {field.choices.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      );
    case 'json':
      return (
        <textarea
          {...common}
          rows={3}
          spellCheck={false}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      );
    default:
      return (
        <input
          {...common}
          type="text"
          inputMode={field.kind === 'text' ? 'text' : 'decimal'}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      );
  }
}
