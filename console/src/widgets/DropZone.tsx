import { type DragEvent, useRef, useState } from 'react';
import { useI18n } from '../i18n/I18n.tsx';
import css from './DropZone.module.css';

export interface DropZoneProps {
  onFiles: (files: File[]) => void;
  /** What may be dropped, in words. */
  hint?: string;
  /** As of `<input accept>`. */
  accept?: string;
  isDisabled?: boolean;
  isSingle?: boolean;
}

/** A place to drop files on, which is a button for all who do not drag. */
export function DropZone({ onFiles, hint, accept, isDisabled, isSingle }: DropZoneProps) {
  const { t } = useI18n();
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  const take = (files: FileList | null | undefined): void => {
    const given = [...(files ?? [])].slice(0, isSingle ? 1 : undefined);
    if (given.length > 0 && !isDisabled) onFiles(given);
  };
  const over = (event: DragEvent, is: boolean): void => {
    event.preventDefault();
    setOver(is && !isDisabled);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button inside does the same for the keyboard
    <div
      className={css.zone}
      data-over={isOver || undefined}
      onDragOver={(event) => over(event, true)}
      onDragLeave={(event) => over(event, false)}
      onDrop={(event) => {
        over(event, false);
        take(event.dataTransfer.files);
      }}
    >
      <button type="button" disabled={isDisabled} onClick={() => input.current?.click()}>
        {t(isSingle ? 'drop.chooseOne' : 'drop.choose')}
      </button>
      <span>{t('drop.orDrop')}</span>
      {hint && <small>{hint}</small>}
      <input
        ref={input}
        type="file"
        hidden
        data-testid="file-input"
        multiple={!isSingle}
        accept={accept}
        onChange={(event) => {
          take(event.target.files);
          // The same file chosen again would otherwise tell nothing.
          event.target.value = '';
        }}
      />
    </div>
  );
}
