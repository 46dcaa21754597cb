import { areaTexts, type Message, type Texts } from '../../i18n/areaTexts.ts';

const en = {
  none: 'It has not run yet.',
  attempt: 'Attempt {n}',
  waited: 'waited {time}',
  took: '{name}: {time}',
} as const satisfies Texts;

const es = {
  none: 'Aún no se ha ejecutado.',
  attempt: 'Intento {n}',
  waited: 'esperó {time}',
  took: '{name}: {time}',
} as const satisfies Record<keyof typeof en, Message>;

export const useTexts = areaTexts<keyof typeof en>({ en, es });
