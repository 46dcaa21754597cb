import { areaTexts, type Message, type Texts } from '../../i18n/areaTexts.ts';

const en = {
  title: 'Now',
  queued: 'Queued',
  running: 'Running',
  failed: 'Failed in 24 h',
  completed: 'Completed in 24 h',
  runningJobs: 'Running now',
  noneRunning: 'Nothing is running.',
  failures: 'Last failures',
  noFailures: 'Nothing has failed lately.',
  throughput: 'Ended per minute, last hour',
  throughputWords:
    'Last hour: completed {completed}, failed {failed}; in the busiest minute {max}.',
  health: 'Health',
  ok: 'well',
  down: 'in trouble',
  store: 'Store',
  executor: 'Workers',
  bus: 'Bus',
  all: 'All jobs',
} as const satisfies Texts;

const es = {
  title: 'Ahora',
  queued: 'En cola',
  running: 'En curso',
  failed: 'Fallidos en 24 h',
  completed: 'Completados en 24 h',
  runningJobs: 'En curso ahora',
  noneRunning: 'No hay nada en curso.',
  failures: 'Últimos fallos',
  noFailures: 'No ha fallado nada últimamente.',
  throughput: 'Terminados por minuto, última hora',
  throughputWords:
    'Última hora: completados {completed}, fallidos {failed}; en el minuto con más, {max}.',
  health: 'Salud',
  ok: 'bien',
  down: 'con problemas',
  store: 'Almacén',
  executor: 'Procesos de trabajo',
  bus: 'Bus',
  all: 'Todos los trabajos',
} as const satisfies Record<keyof typeof en, Message>;

export const useTexts = areaTexts<keyof typeof en>({ en, es });
