import { areaTexts, type Message, type Texts } from '../../i18n/areaTexts.ts';

const en = {
  title: 'Frames',
  source: 'As seen by',
  events: 'the event log',
  hint: 'What clients of each protocol get for this job, from its beginning.',
  count: { one: '{n} frame', other: '{n} frames' },
  cut: 'Only the last {n} are kept here.',
  none: 'Nothing has come yet.',
  closed: 'closed by the server: {code} {reason}',
  lost: 'It could not be read: {why}',
} as const satisfies Texts;

const es = {
  title: 'Mensajes',
  source: 'Como los ve',
  events: 'el registro de eventos',
  hint: 'Lo que reciben de este trabajo los clientes de cada protocolo, desde su comienzo.',
  count: { one: '{n} mensaje', many: '{n} de mensajes', other: '{n} mensajes' },
  cut: 'Aquí solo se guardan los últimos {n}.',
  none: 'Aún no ha llegado nada.',
  closed: 'cerrado por el servidor: {code} {reason}',
  lost: 'No se ha podido leer: {why}',
} as const satisfies Record<keyof typeof en, Message>;

export const useTexts = areaTexts<keyof typeof en>({ en, es });
