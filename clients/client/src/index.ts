export type { Api, Call, RequestOptions } from './api.ts';
export {
  type AvanceClient,
  type AvanceOptions,
  createAvance,
  type SubmitOptions,
} from './client.ts';
export {
  AvanceError,
  asAvanceError,
  Conflict,
  ConnectionFailed,
  errorOfProblem,
  InvalidRequest,
  NotFound,
  PermissionDenied,
  RateLimited,
  type Refusal,
  TaskFailed,
  TooLarge,
  Unauthenticated,
  Unavailable,
} from './errors.ts';
export type {
  Inbox,
  InboxFilter,
  InboxListRef,
  InboxListState,
  InboxOp,
  InboxState,
  InboxStatus,
} from './inbox.ts';
export type { JobRef } from './job.ts';
export type { JobFilter } from './jobFilter.ts';
export type { JobListRef, JobListState } from './jobList.ts';
export type { Connection, ConnectionState, ConnectionStatus } from './link.ts';
export {
  assertNever,
  isTerminal,
  type Job,
  type JobHandle,
  type JobPhase,
  type LogLine,
  type Part,
} from './model.ts';
export { emptyEntry, isSettled, type JobEntry, type Step } from './reduce.ts';
export type { Transport } from './socketLink.ts';
export type { TokenSource } from './tokens.ts';
export { type SendFormOptions, sendForm } from './upload.ts';
export type * from './wire.ts';
