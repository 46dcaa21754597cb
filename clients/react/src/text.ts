import type { ConnectionStatus, JobState } from '@avance/client';
import type { Locale } from './locale.ts';

/** What the components say. The server sends codes; words of a task's author are shown as they are. */
const en = {
  scheduled: 'Scheduled',
  queued: 'Queued',
  running: 'Running',
  retrying: 'Will retry',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
  expired: 'Expired',
  connecting: 'Connecting…',
  live: 'Live',
  recovering: 'Reconnecting…',
  polling: 'Live, with a delay',
  offline: 'No connection',
  loading: 'Loading…',
  progress: 'Progress',
  attempt: 'Attempt {n} of {max}',
  count: '{current} of {total}',
  left: '{time} left',
  cancel: 'Cancel',
  retry: 'Try again',
  reconnect: 'Connect again',
  more: 'Show more',
  empty: 'No jobs yet',
  jobs: 'Jobs',
  uploads: 'Uploads',
  waiting: 'Waits for its turn',
  sending: 'Uploading',
  sent: 'Uploaded',
  dismissAll: 'Hide what has ended',
  inbox: 'Notifications',
  inboxEmpty: 'Nothing here',
  bell: 'Notifications, {n} unread',
  bellUnknown: 'Notifications, not connected',
  bellOff: 'Notifications, {n} unread when last connected',
  bellOpen: 'Open all',
  markRead: 'Mark as read',
  markUnread: 'Mark as unread',
  markAllRead: 'Mark all as read',
  archive: 'Archive',
  unarchive: 'Put back',
  delete: 'Delete',
  isUnread: 'unread',
  dismiss: 'Close the message',
  unavailable: 'It cannot be shown: {what}',
};

export type TextKey = keyof typeof en;

const es = {
  scheduled: 'Programado',
  queued: 'En cola',
  running: 'En curso',
  retrying: 'Se reintentará',
  completed: 'Completado',
  failed: 'Fallido',
  cancelled: 'Cancelado',
  expired: 'Caducado',
  connecting: 'Conectando…',
  live: 'En directo',
  recovering: 'Reconectando…',
  polling: 'En directo, con retraso',
  offline: 'Sin conexión',
  loading: 'Cargando…',
  progress: 'Progreso',
  attempt: 'Intento {n} de {max}',
  count: '{current} de {total}',
  left: 'quedan {time}',
  cancel: 'Cancelar',
  retry: 'Reintentar',
  reconnect: 'Volver a conectar',
  more: 'Mostrar más',
  empty: 'Aún no hay trabajos',
  jobs: 'Trabajos',
  uploads: 'Subidas',
  waiting: 'Espera su turno',
  sending: 'Subiendo',
  sent: 'Subido',
  dismissAll: 'Ocultar lo terminado',
  inbox: 'Notificaciones',
  inboxEmpty: 'No hay nada aquí',
  bell: 'Notificaciones, {n} sin leer',
  bellUnknown: 'Notificaciones, sin conexión',
  bellOff: 'Notificaciones, {n} sin leer al perder la conexión',
  bellOpen: 'Ver todas',
  markRead: 'Marcar como leída',
  markUnread: 'Marcar como no leída',
  markAllRead: 'Marcar todas como leídas',
  archive: 'Archivar',
  unarchive: 'Devolver',
  delete: 'Eliminar',
  isUnread: 'sin leer',
  dismiss: 'Cerrar el mensaje',
  unavailable: 'No se puede mostrar: {what}',
} satisfies Record<TextKey, string>;

const TEXTS: Record<Locale, Record<TextKey, string>> = { en, es };

export type Say = (
  key: TextKey | JobState | ConnectionStatus,
  values?: Record<string, string | number>,
) => string;

/** The words of a language. */
export function sayIn(locale: Locale): Say {
  return (key, values = {}) =>
    TEXTS[locale][key].replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = values[name];
      return typeof value === 'number' ? value.toLocaleString(locale) : (value ?? '');
    });
}

/** A rough duration: seconds, minutes or hours. */
export function duration(seconds: number, locale: Locale): string {
  const [value, unit] =
    seconds < 60
      ? [seconds, 'second']
      : seconds < 3600
        ? [seconds / 60, 'minute']
        : [seconds / 3600, 'hour'];
  const format = { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: 0 } as const;
  return new Intl.NumberFormat(locale, format).format(Math.ceil(value as number));
}
