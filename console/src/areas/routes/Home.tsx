import { AvanceError } from '@avance/client';
import { useId, useState } from 'react';
import { useLocation } from 'wouter';
import { useApi } from '../../lib/useApi.ts';
import { DropZone } from '../../widgets/DropZone.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { AreaHead } from '../AreaHead.tsx';
import { type Imported, MODES, type Mode, type Rejection } from './model.ts';
import css from './Routes.module.css';
import { useTexts } from './texts.ts';

const SIZES = ['small', 'medium', 'large'] as const;
const REJECTIONS_SHOWN = 50;

interface Day {
  routes: readonly unknown[];
  rejections: readonly Rejection[];
}

/** Bring a day, see what was read of it, and start the plan. */
export function Home() {
  const { t } = useTexts();
  const api = useApi();
  const id = useId();
  const [, go] = useLocation();
  const [day, setDay] = useState<Day>();
  const [mode, setMode] = useState<Mode>('buses');
  const [error, setError] = useState<{ title: string; error: AvanceError }>();

  const attempt = async (title: string, work: () => Promise<void>): Promise<void> => {
    setError(undefined);
    try {
      await work();
    } catch (thrown) {
      if (!(thrown instanceof AvanceError)) throw thrown;
      setError({ title, error: thrown });
    }
  };
  const start = (routes: readonly unknown[]): Promise<void> =>
    attempt(t('start.failed'), async () => {
      const { job_id } = await api.post<{ job_id: string }>('/routes/optimize', { routes, mode });
      go(`/routes/plans/${job_id}`);
    });
  const read = (files: File[]): Promise<void> =>
    attempt(t('read.failed'), async () => {
      const [file] = files;
      if (file !== undefined) setDay(await readDay(file));
    });
  const readDay = async (file: File): Promise<Day> => {
    if (file.name.endsWith('.json')) return { routes: listOf(await file.text()), rejections: [] };
    const form = new FormData();
    form.append('file', file, file.name);
    const { routes, parse_report } = await api.upload<Imported>('/routes/import/analyze', form);
    return { routes, rejections: parse_report.rejections };
  };
  const sample = (size: string): Promise<void> =>
    attempt(t('read.failed'), async () => {
      const { routes } = await api.get<{ routes: unknown[] }>('/routes/sample', { size });
      await start(routes);
    });
  return (
    <>
      <AreaHead area="routes" title={t('title')} />
      <div className={css.home}>
        <p className={css.row}>
          <label htmlFor={id}>{t('mode')}</label>
          <select id={id} value={mode} onChange={(event) => setMode(event.target.value as Mode)}>
            {MODES.map((one) => (
              <option key={one} value={one}>
                {t(`mode.${one}`)}
              </option>
            ))}
          </select>
        </p>
        <DropZone
          hint={t('drop.hint')}
          accept=".xlsx,.csv,.json"
          isSingle
          onFiles={(files) => void read(files)}
        />
        {error && <ErrorNotice {...error} />}
        {day && <Read day={day} onStart={() => void start(day.routes)} />}
        <section>
          <h2>{t('sample.title')}</h2>
          <p className={css.row}>
            {SIZES.map((size) => (
              <button key={size} type="button" onClick={() => void sample(size)}>
                {t(`sample.${size}`)}
              </button>
            ))}
          </p>
        </section>
      </div>
    </>
  );
}

function Read({ day: { routes, rejections }, onStart }: { day: Day; onStart: () => void }) {
  const { t } = useTexts();
  return (
    <section>
      <p className={css.row} role="status">
        <strong>{t('read.routes', { n: routes.length })}</strong>
        {rejections.length > 0 && <span>{t('read.dropped', { n: rejections.length })}</span>}
        <button type="button" disabled={routes.length === 0} onClick={onStart}>
          {t('start')}
        </button>
      </p>
      {rejections.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">{t('read.where')}</th>
              <th scope="col">{t('read.why')}</th>
            </tr>
          </thead>
          <tbody>
            {rejections.slice(0, REJECTIONS_SHOWN).map(({ sheet, row, message }) => (
              <tr key={`${sheet} ${row} ${message}`}>
                <td>{t('read.row', { sheet, row })}</td>
                <td>{message}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** What a JSON file holds; the server says what is wrong with it. */
function listOf(text: string): readonly unknown[] {
  try {
    const value = JSON.parse(text) as unknown;
    const rows = Array.isArray(value) ? value : (value as { routes?: unknown } | null)?.routes;
    return Array.isArray(rows) ? rows : [];
  } catch {
    return [];
  }
}
