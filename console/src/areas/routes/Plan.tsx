import { consoleBase, serverUrl } from '../../lib/base.ts';
import { Gantt } from './Gantt.tsx';
import { type Answer, EXPORTS, type Finding, knownFinding, type Robustness } from './model.ts';
import { RouteMap } from './RouteMap.tsx';
import css from './Routes.module.css';
import { useTexts } from './texts.ts';
import { WhatIf } from './WhatIf.tsx';
import { Why } from './Why.tsx';

const PERCENT = 100;

/** A plan with its numbers, pictures, reasons and files. */
export function Plan({ id, answer }: { id: string; answer: Answer }) {
  const { t, locale } = useTexts();
  const { schedule, unassigned } = answer.result;
  const reasons = answer.explanations[locale]?.left_out ?? [];
  const server = serverUrl(consoleBase()).replace(/\/$/, '');
  return (
    <>
      <Numbers answer={answer} />
      <p className={css.row}>
        <span>{t('export.title')}</span>
        {EXPORTS.map((format) => (
          <a key={format} href={`${server}/jobs/${id}/export?format=${format}`} download>
            {format.toUpperCase()}
          </a>
        ))}
      </p>
      <Gantt buses={schedule} />
      <RouteMap buses={schedule} />
      <Why id={id} buses={schedule} />
      <WhatIf id={id} answer={answer} />
      {unassigned.length > 0 && (
        <section>
          <h2>{t('unassigned.title')}</h2>
          <ul>
            {unassigned.map(({ route_id, reason }, number) => (
              <li key={`${route_id} ${reason}`}>
                {reasons[number]?.text ?? `${route_id}: ${reason}`}
              </li>
            ))}
          </ul>
        </section>
      )}
      {answer.findings.length > 0 && (
        <section>
          <h2>{t('findings.title')}</h2>
          <ul>
            {answer.findings.map((finding) => (
              <Noted
                key={`${finding.code} ${finding.id} ${finding.index} ${finding.message}`}
                finding={finding}
              />
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

/** In the words of the screen, and what the server says of the values beside it. */
function Noted({ finding: { code, message, id, field } }: { finding: Finding }) {
  const { t } = useTexts();
  const known = knownFinding(code);
  return (
    <li>
      {id && `${id}: `}
      {known === undefined ? (
        message
      ) : (
        <>
          {t(`finding.${known}`)}
          {field && ` (${field})`} <small lang="en">{message}</small>
        </>
      )}
    </li>
  );
}

/** Which buses to look at first. */
function Weakest({ robustness }: { robustness: Robustness }) {
  const { t, locale } = useTexts();
  const { weakest, runs, delay_percent } = robustness;
  const late = weakest.filter((bus) => bus.on_time_share < 1);
  const buses = late.map((bus) => `${bus.bus_id} (${percentOf(bus.on_time_share, locale)})`);
  return (
    <p data-testid="robustness">
      {t('robust.text', { runs, delay: delay_percent })}{' '}
      {late.length > 0 && t('robust.weakest', { buses: buses.join(', ') })}
    </p>
  );
}

const percentOf = (share: number, locale: string): string =>
  share.toLocaleString(locale, { style: 'percent', maximumFractionDigits: 1 });

const numberOf = (amount: number, locale: string): string =>
  amount.toLocaleString(locale, { maximumFractionDigits: 0 });

function Numbers({ answer }: { answer: Answer }) {
  const { t, locale } = useTexts();
  const told = answer.result.diagnostics;
  const rows: [string, string | number][] = [
    [t('buses'), told.best_buses],
    [t('bound'), told.lower_bound_buses],
    [t('gap'), `${(PERCENT * told.optimality_gap).toFixed(1)} %`],
    [t('deadhead'), told.deadhead_minutes],
    [t('shift'), Math.round(told.shift_minutes)],
    [t('spread'), `${told.min_routes_per_bus}–${told.max_routes_per_bus}`],
    [t('status'), t(told.solver_status)],
  ];
  if (told.depot_minutes !== undefined) rows.splice(4, 0, [t('depotMinutes'), told.depot_minutes]);
  const used = Object.entries(told.vehicles_used ?? {});
  if (used.length > 0) rows.push([t('vehicles'), used.map(([id, n]) => `${n} ${id}`).join(', ')]);
  const { goal } = told;
  if (goal && goal.preset !== 'minimize_buses') {
    const over = goal.gap === null ? '' : ` (+${percentOf(goal.gap, locale)})`;
    rows.push([t('goal.cost'), `${numberOf(goal.cost, locale)}${over}`]);
    rows.push([t('goal.km'), numberOf(goal.amounts.deadhead_km, locale)]);
    rows.push([t('goal.co2'), `${numberOf(goal.amounts.co2, locale)} kg`]);
  }
  const { robustness } = told;
  if (robustness) {
    rows.push([
      t('robust'),
      `${robustness.grade} (${percentOf(robustness.on_time_share, locale)})`,
    ]);
  }
  return (
    <>
      <dl className={css.kpis} data-testid="kpis">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {robustness && <Weakest robustness={robustness} />}
    </>
  );
}
