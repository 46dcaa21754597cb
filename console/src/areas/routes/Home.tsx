import { AvanceError } from '@avance/client';
import { useId, useState } from 'react';
import { useLocation } from 'wouter';
import { useApi } from '../../lib/useApi.ts';
import { DropZone } from '../../widgets/DropZone.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { AreaHead } from '../AreaHead.tsx';
import { type Body, bodyOf, vehiclesIn } from './body.ts';
import { Days } from './Days.tsx';
import { asWeek, onDays } from './days.ts';
import {
  AIMS,
  type Aim,
  askedFor,
  DAYS,
  type Day,
  type Imported,
  type Rejection,
} from './model.ts';
import css from './Routes.module.css';
import { useTexts } from './texts.ts';

const SIZES = ['small', 'medium', 'large'] as const;
const REJECTIONS_SHOWN = 50;

interface Brought {
  body: Body;
  rejections: readonly Rejection[];
}

/** Bring a day or a week, see what was read of it, and start the plan. */
export function Home() {
  const { t, locale } = useTexts();
  const api = useApi();
  const id = useId();
  const [, go] = useLocation();
  const [brought, setBrought] = useState<Brought>();
  const [aim, setAim] = useState<Aim>('buses');
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
  const begin = async (
    path: string,
    body: Body,
    screen: string,
    query: Record<string, string> = {},
  ): Promise<void> => {
    // The job is called in the language of the screen, which may not be that of the browser.
    const asked = `${path}?${new URLSearchParams({ lang: locale, ...query })}`;
    const { job_id } = await api.post<{ job_id: string }>(asked, { ...body, ...askedFor(aim) });
    go(`/routes/${screen}/${job_id}`);
  };
  const start = (body: Body, days: readonly Day[] = []): Promise<void> =>
    attempt(t('start.failed'), () => {
      if (days.length === 0) return begin('/routes/optimize', body, 'plans');
      const some = { ...body, routes: onDays(body.routes, days) };
      const [day] = days;
      if (day !== undefined && days.length === 1)
        return begin('/routes/optimize', some, 'plans', { day });
      return begin('/optimize-week', some, 'weeks');
    });
  const read = (files: File[]): Promise<void> =>
    attempt(t('read.failed'), async () => {
      const [file] = files;
      if (file !== undefined) setBrought(await readFile(file));
    });
  const readFile = async (file: File): Promise<Brought> => {
    if (file.name.endsWith('.json')) return { body: bodyOf(await file.text()), rejections: [] };
    const form = new FormData();
    form.append('file', file, file.name);
    const { routes, parse_report } = await api.upload<Imported>('/routes/import/analyze', form);
    return { body: { routes }, rejections: parse_report.rejections };
  };
  const sample = (size: string, isWeek = false): Promise<void> =>
    attempt(t('read.failed'), async () => {
      const { routes } = await api.get<{ routes: unknown[] }>('/routes/sample', { size });
      await (isWeek ? start({ routes: asWeek(routes) }, DAYS) : start({ routes }));
    });
  return (
    <>
      <AreaHead area="routes" title={t('title')} />
      <div className={css.home}>
        <p className={css.row}>
          <label htmlFor={id}>{t('mode')}</label>
          <select id={id} value={aim} onChange={(event) => setAim(event.target.value as Aim)}>
            {AIMS.map((one) => (
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
        {brought && <Read brought={brought} onStart={(days) => void start(brought.body, days)} />}
        <section>
          <h2>{t('sample.title')}</h2>
          <p className={css.row}>
            {SIZES.map((size) => (
              <button key={size} type="button" onClick={() => void sample(size)}>
                {t(`sample.${size}`)}
              </button>
            ))}
            <button type="button" onClick={() => void sample('medium', true)}>
              {t('sample.week')}
            </button>
          </p>
        </section>
      </div>
    </>
  );
}

interface ReadProps {
  brought: Brought;
  onStart: (days: readonly Day[]) => void;
}

function Read({ brought: { body, rejections }, onStart }: ReadProps) {
  const { t } = useTexts();
  const { routes } = body;
  // Another file names other days.
  const [chosen, setChosen] = useState<{ of: Body; days: readonly Day[] }>({ of: body, days: [] });
  const days = chosen.of === body ? chosen.days : [];
  const vehicles = vehiclesIn(body);
  return (
    <section>
      <p className={css.row} role="status">
        <strong>{t('read.routes', { n: routes.length })}</strong>
        {vehicles > 0 && <span>{t('read.vehicles', { n: vehicles })}</span>}
        {rejections.length > 0 && <span>{t('read.dropped', { n: rejections.length })}</span>}
        <button type="button" disabled={routes.length === 0} onClick={() => onStart(days)}>
          {days.length > 1 ? t('start.week', { n: days.length }) : t('start')}
        </button>
      </p>
      <Days
        routes={routes}
        chosen={days}
        onChosen={(some) => setChosen({ of: body, days: some })}
      />
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
