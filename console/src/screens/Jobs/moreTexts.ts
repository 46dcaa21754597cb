import { areaTexts, type Message, type Texts } from '../../i18n/areaTexts.ts';

const en = {
  task: 'Task',
  owner: 'Owner',
  tag: 'Tag',
  from: 'Created from',
  to: 'Created before',
  apply: 'Filter',
} as const satisfies Texts;

const es = {
  task: 'Tarea',
  owner: 'De quién',
  tag: 'Etiqueta',
  from: 'Creado desde',
  to: 'Creado antes de',
  apply: 'Filtrar',
} as const satisfies Record<keyof typeof en, Message>;

export const useTexts = areaTexts<keyof typeof en>({ en, es });
