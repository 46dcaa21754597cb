import { type AvanceError, asAvanceError } from '@avance/client';
import { type FormEvent, useState } from 'react';
import { useToast } from '../../app/Toasts.tsx';
import { useApi } from '../../lib/useApi.ts';
import { useOnline } from '../../lib/useOnline.ts';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { DecisionBadge } from './Badge.tsx';
import { corrections, type OcrDocument, pathOf, shown, type Told } from './model.ts';
import css from './Ocr.module.css';
import { useTexts } from './texts.ts';

const ACTIONS = { approve: 'APPROVED', review: 'MANUAL_REVIEW', reject: 'REJECTED' } as const;

export interface ReviewProps {
  document: OcrDocument;
  onChange: (document: OcrDocument) => void;
}

/** What was read, to be corrected and decided by a person. */
export function Review({ document, onChange }: ReviewProps) {
  const { t } = useTexts();
  const api = useApi();
  const toast = useToast();
  const isOnline = useOnline();
  const [error, setError] = useState<AvanceError>();
  const [isSaving, setSaving] = useState(false);
  const { ocrResult, documentType = '' } = document;
  const read = ocrResult?.fields ?? {};
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const { submitter } = event.nativeEvent as SubmitEvent;
    const form = new FormData(event.currentTarget);
    const type = String(form.get('documentType') ?? '').trim();
    const fields = corrections(read, form);
    const decision = ACTIONS[submitter?.getAttribute('value') as keyof typeof ACTIONS];
    const body = {
      ...(Object.keys(fields).length > 0 && { fields }),
      ...(type !== documentType && type !== '' && { documentType: type }),
      ...(decision !== undefined && { finalDecision: decision }),
    };
    if (Object.keys(body).length === 0) return;
    setError(undefined);
    setSaving(true);
    try {
      const told = await api.post<Told<OcrDocument>>(`${pathOf(document.id)}/review`, body);
      onChange(told.data);
      toast({ tone: 'good', text: t('saved') });
    } catch (thrown) {
      setError(asAvanceError(thrown));
    } finally {
      setSaving(false);
    }
  };
  const isDisabled = isSaving || !isOnline;
  return (
    <section className={css.screen} aria-label={t('decision')}>
      <p className={css.row} data-testid="decision">
        <DecisionBadge decision={document.finalDecision} />
        {document.reviewedBy && <span>{t('reviewedBy', { user: document.reviewedBy })}</span>}
      </p>
      <Findings document={document} />
      <form className={css.screen} onSubmit={(event) => void submit(event)}>
        <label className={css.field}>
          {t('type')}
          <input name="documentType" maxLength={200} defaultValue={documentType} />
        </label>
        <h2>{t('fields')}</h2>
        {Object.keys(read).length === 0 && <p className={css.muted}>{t('noFields')}</p>}
        {Object.entries(read).map(([name, value]) => (
          <label key={name} className={css.field}>
            <span className={css.row}>
              {name}
              <Sure percent={ocrResult?.fieldConfidence[name]} />
            </span>
            <input name={`field.${name}`} defaultValue={shown(value)} />
          </label>
        ))}
        {error && <ErrorNotice title={t('document.refused')} error={error} />}
        <div className={css.row}>
          {(['save', 'approve', 'review', 'reject'] as const).map((one) => (
            <button key={one} type="submit" value={one} disabled={isDisabled}>
              {t(one)}
            </button>
          ))}
        </div>
      </form>
    </section>
  );
}

function Sure({ percent }: { percent: number | undefined }) {
  const { t } = useTexts();
  if (percent === undefined) return null;
  return (
    <span className={css.muted}>
      <meter min={0} max={100} value={percent} aria-label={t('confidence')} />{' '}
      {t('percent', { n: percent })}
    </span>
  );
}

const SEVERITIES = ['info', 'warning', 'critical'] as const;

function Findings({ document: { observations = [] } }: { document: OcrDocument }) {
  const { t } = useTexts();
  const wordOf = (severity: string): string => {
    const known = SEVERITIES.find((one) => one === severity);
    return known === undefined ? severity : t(`severity.${known}`);
  };
  return (
    <>
      <h2>{t('findings')}</h2>
      {observations.length === 0 && <p className={css.muted}>{t('noFindings')}</p>}
      <ul className={css.findings}>
        {observations.map(({ rule, severity, reason, message, expected, found }) => (
          <li key={`${rule} ${reason}`} data-severity={severity}>
            <strong>{wordOf(severity)}</strong> {rule}: {message || reason}
            {expected !== undefined && ` · ${t('expected', { value: shown(expected) })}`}
            {found !== undefined && ` · ${t('found', { value: shown(found) })}`}
          </li>
        ))}
      </ul>
    </>
  );
}
