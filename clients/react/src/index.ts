export { Bell, type BellProps } from './Bell.tsx';
export { ConnectionBadge, type ConnectionBadgeProps } from './ConnectionBadge.tsx';
export { AvanceProvider, type AvanceProviderProps, useAvance } from './context.tsx';
export { Inbox, type InboxProps } from './Inbox.tsx';
export { JobList, type JobListProps } from './JobList.tsx';
export { JobProgress, type JobProgressProps } from './JobProgress.tsx';
export { JobRow, type JobRowProps } from './JobRow.tsx';
export type { SocketClosed } from './jobSocket.ts';
export type { Locale } from './locale.ts';
export { Toaster, type ToasterProps } from './Toaster.tsx';
export { UploadList, type UploadListProps } from './UploadList.tsx';
export { type UseConnection, useConnection } from './useConnection.ts';
export { type UseInbox, type UseUnread, useInbox, useUnread } from './useInbox.ts';
export {
  type JobFailure,
  type JobLike,
  type UseJob,
  type UseJobOptions,
  useJob,
} from './useJob.ts';
export {
  type UseJobLogs,
  type UseJobLogsOptions,
  type UseJobSteps,
  type UseJobStream,
  useJobLogs,
  useJobSteps,
  useJobStream,
} from './useJobStream.ts';
export { type UseJobs, useJobs } from './useJobs.ts';
export { type UsePreferences, usePreferences } from './usePreferences.ts';
export { type UseSubmit, type UseSubmitOptions, useSubmit } from './useSubmit.ts';
export {
  type SendUploadOptions,
  type Upload,
  type UploadState,
  type UseUploads,
  type UseUploadsOptions,
  useUploads,
} from './useUploads.ts';
export {
  type SocketStatus,
  type UseWebSocket,
  type UseWebSocketOptions,
  useWebSocket,
} from './useWebSocket.ts';
