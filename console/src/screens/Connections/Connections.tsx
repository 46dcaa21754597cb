import {
  asAvanceError,
  type ConnectionList,
  type ConnectionView,
  type NodeView,
} from '@avance/client';
import { useMemo, useState } from 'react';
import { useToast } from '../../app/Toasts.tsx';
import { formatDuration } from '../../i18n/format.ts';
import { useI18n } from '../../i18n/I18n.tsx';
import { sayError } from '../../lib/sayError.ts';
import { useApi } from '../../lib/useApi.ts';
import { useOnline } from '../../lib/useOnline.ts';
import { usePolled } from '../../lib/usePolled.ts';
import { useTitle } from '../../lib/useTitle.ts';
import { ConfirmDialog } from '../../widgets/ConfirmDialog.tsx';
import { type Column, DataTable } from '../../widgets/DataTable.tsx';
import { ErrorNotice } from '../../widgets/ErrorNotice.tsx';
import { Moment } from '../../widgets/Moment.tsx';
import { Notice } from '../../widgets/Notice.tsx';
import { Skeleton } from '../../widgets/Skeleton.tsx';
import css from './Connections.module.css';
import { useTexts } from './texts.ts';

const EVERY_MS = 3_000;

export function ConnectionsScreen() {
  const { t: say } = useI18n();
  const { t } = useTexts();
  const api = useApi();
  const toast = useToast();
  const [chosen, choose] = useState<ConnectionView>();
  const ask = useMemo(
    () => (signal: AbortSignal) =>
      api.get<ConnectionList>('/v1/connections', undefined, { signal }),
    [api],
  );
  const { data, error, again } = usePolled(ask, EVERY_MS);
  useTitle(t('title'));
  const kick = async ({ client, user }: ConnectionView): Promise<void> => {
    try {
      await api.post('/v1/connections/kick', { client });
      toast({ tone: 'good', text: t('kicked', { user }) });
    } catch (thrown) {
      toast({ tone: 'error', text: sayError(asAvanceError(thrown), say) });
    }
    again();
  };
  return (
    <div className={css.screen}>
      <h1>{t('title')}</h1>
      <p className={css.hint}>{t('dialects')}</p>
      {error && <ErrorNotice title={say('error.title')} error={error} onRetry={again} />}
      {data === undefined && !error && <Skeleton rows={4} />}
      {data?.connections.length === 0 && <Notice tone="empty" title={t('none')} />}
      {data && data.connections.length > 0 && (
        <>
          <Connections list={data.connections} onKick={choose} />
          <p className={css.hint}>{t('shown', { n: data.total })}</p>
        </>
      )}
      {data && <Nodes nodes={data.nodes} />}
      <ConfirmDialog
        title={t('kickTitle')}
        text={t('kickText', { user: chosen?.user ?? '' })}
        action={t('kick')}
        isOpen={chosen !== undefined}
        onClose={() => choose(undefined)}
        onConfirm={() => chosen && void kick(chosen)}
      />
    </div>
  );
}

interface ConnectionsProps {
  list: readonly ConnectionView[];
  onKick: (connection: ConnectionView) => void;
}

function Connections({ list, onKick }: ConnectionsProps) {
  const { t } = useTexts();
  const isOnline = useOnline();
  const columns: Column<ConnectionView>[] = [
    { key: 'user', title: t('user'), cell: ({ user }) => user },
    {
      key: 'transport',
      title: t('transport'),
      cell: ({ transport, codec }) => `${transport} · ${codec}`,
    },
    {
      key: 'client',
      title: t('client'),
      isMinor: true,
      cell: ({ name, version }) => `${name} ${version}`,
    },
    { key: 'address', title: t('address'), isMinor: true, cell: ({ address }) => address },
    {
      key: 'channels',
      title: t('channels'),
      cell: ({ channels }) => (
        <details>
          <summary>{channels.length}</summary>
          {channels.map((channel) => (
            <code key={channel} className={css.channel}>
              {channel}
            </code>
          ))}
        </details>
      ),
    },
    {
      key: 'since',
      title: t('since'),
      isMinor: true,
      cell: ({ connected_at }) => <Moment at={connected_at} />,
    },
    {
      key: 'speed',
      title: t('speed'),
      isMinor: true,
      cell: ({ is_waiting }) => t(is_waiting ? 'slow' : 'fast'),
    },
    {
      key: 'action',
      title: t('action'),
      cell: (connection) => (
        <button type="button" disabled={!isOnline} onClick={() => onKick(connection)}>
          {t('kick')}
          <span className="visually-hidden"> {t('kickOf', { user: connection.user })}</span>
        </button>
      ),
    },
  ];
  return (
    <DataTable caption={t('title')} columns={columns} rows={list} rowKey={({ client }) => client} />
  );
}

function Nodes({ nodes }: { nodes: readonly NodeView[] }) {
  const { t, locale } = useTexts();
  const columns: Column<NodeView>[] = [
    { key: 'node', title: t('node'), cell: ({ node }) => <code>{node}</code> },
    { key: 'connections', title: t('connections'), isNumber: true, cell: (one) => one.connections },
    { key: 'users', title: t('users'), isNumber: true, cell: ({ users }) => users },
    {
      key: 'channels',
      title: t('channels'),
      isNumber: true,
      isMinor: true,
      cell: (one) => one.channels,
    },
    {
      key: 'subscriptions',
      title: t('subscriptions'),
      isNumber: true,
      isMinor: true,
      cell: (one) => one.subscriptions,
    },
    {
      key: 'uptime',
      title: t('uptime'),
      cell: ({ uptime_s }) => formatDuration(uptime_s * 1000, locale),
    },
  ];
  return (
    <section>
      <h2>{t('nodes')}</h2>
      <DataTable caption={t('nodes')} columns={columns} rows={nodes} rowKey={({ node }) => node} />
    </section>
  );
}
