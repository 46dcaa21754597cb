import { type Ref, useState } from 'react';
import type { Key } from '../i18n/en.ts';
import { useI18n } from '../i18n/I18n.tsx';
import { areKeysOn, turnKeys } from '../lib/useKeys.ts';
import css from './KeysDialog.module.css';

const SHORTCUTS: readonly (readonly [string, Key])[] = [
  ['g n', 'keys.now'],
  ['g j', 'keys.jobs'],
  ['g i', 'keys.inbox'],
  ['g w', 'keys.workers'],
  ['g t', 'keys.try'],
  ['/', 'keys.search'],
  ['f', 'keys.filters'],
  ['j k', 'keys.rows'],
  ['x', 'keys.select'],
  ['c', 'keys.cancel'],
  ['r', 'keys.retry'],
  ['l', 'keys.follow'],
  ['t', 'keys.theme'],
  ['?', 'keys.help'],
];

export function KeysDialog({ ref }: { ref: Ref<HTMLDialogElement> }) {
  const { t } = useI18n();
  const [isOn, setOn] = useState(areKeysOn);
  return (
    <dialog ref={ref} aria-labelledby="keys-title">
      <form method="dialog" className={css.body}>
        <h2 id="keys-title">{t('keys.title')}</h2>
        <dl className={css.list}>
          {SHORTCUTS.map(([keys, key]) => (
            <div key={key}>
              <dt>
                <kbd>{keys}</kbd>
              </dt>
              <dd>{t(key)}</dd>
            </div>
          ))}
        </dl>
        <label className={css.switch}>
          <input
            type="checkbox"
            checked={isOn}
            onChange={(event) => {
              turnKeys(event.target.checked);
              setOn(event.target.checked);
            }}
          />
          {t('keys.enabled')}
        </label>
        <button type="submit">{t('keys.close')}</button>
      </form>
    </dialog>
  );
}
