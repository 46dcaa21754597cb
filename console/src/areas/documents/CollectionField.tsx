import { useId, useMemo } from 'react';
import { useApi } from '../../lib/useApi.ts';
import { useRequest } from '../../lib/useRequest.ts';
import { COLLECTION_CHARS_MAX, DEFAULT_COLLECTION, type ShelfList } from './model.ts';
import { useTexts } from './texts.ts';

export interface CollectionFieldProps {
  className?: string | undefined;
  value: string;
  onChange: (name: string) => void;
}

/** The name of a collection: one of those that are there, or a new one. */
export function CollectionField({ className, value, onChange }: CollectionFieldProps) {
  const { t } = useTexts();
  const id = useId();
  const { data } = useShelves();
  return (
    <p className={className}>
      <label htmlFor={id}>{t('collection')}</label>
      <input
        id={id}
        value={value}
        list={`${id}-known`}
        maxLength={COLLECTION_CHARS_MAX}
        onChange={(event) => onChange(event.target.value.trim())}
        onBlur={() => value || onChange(DEFAULT_COLLECTION)}
      />
      <datalist id={`${id}-known`}>
        {data?.collections.map(({ name, is_own }) => (
          <option key={`${name} ${is_own}`} value={name} />
        ))}
      </datalist>
    </p>
  );
}

/** The collections that the reader may ask. */
export function useShelves() {
  const api = useApi();
  const ask = useMemo(
    () => (signal: AbortSignal) => api.get<ShelfList>('/collections', undefined, { signal }),
    [api],
  );
  return useRequest(ask);
}
