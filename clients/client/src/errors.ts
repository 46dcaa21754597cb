import type { Job } from './model.ts';
import type { Problem } from './wire.ts';

export interface ErrorOptions {
  status?: number;
  params?: Record<string, unknown>;
  cause?: unknown;
}

/** Base of everything that this client throws. `code` is stable, the words are not. */
export class AvanceError extends Error {
  override readonly name: string = 'AvanceError';
  readonly code: string;
  /** Of the HTTP answer; 0 where there was none. */
  readonly status: number;
  readonly params: Record<string, unknown>;

  constructor(
    code: string,
    message: string,
    { status = 0, params = {}, cause }: ErrorOptions = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = status;
    this.params = params;
  }
}

/** 422 or 400: mend the request. */
export class InvalidRequest extends AvanceError {
  override readonly name = 'InvalidRequest';
}

/** 401: bring a valid token. */
export class Unauthenticated extends AvanceError {
  override readonly name = 'Unauthenticated';
}

/** 403: ask somebody with the right. */
export class PermissionDenied extends AvanceError {
  override readonly name = 'PermissionDenied';
}

/** 404: there is no such thing, or not for you. */
export class NotFound extends AvanceError {
  override readonly name = 'NotFound';
}

/** 409: the present state forbids it. */
export class Conflict extends AvanceError {
  override readonly name = 'Conflict';
}

/** 413: send less. */
export class TooLarge extends AvanceError {
  override readonly name = 'TooLarge';
}

/** 429: wait `retryAfterS`. */
export class RateLimited extends AvanceError {
  override readonly name = 'RateLimited';
  readonly retryAfterS: number;

  constructor(code: string, message: string, retryAfterS: number, options: ErrorOptions = {}) {
    super(code, message, options);
    this.retryAfterS = retryAfterS;
  }
}

/** 503: try again. */
export class Unavailable extends AvanceError {
  override readonly name = 'Unavailable';
}

/** No answer came: the network, or the server is away. */
export class ConnectionFailed extends AvanceError {
  override readonly name = 'ConnectionFailed';
}

/** The job that was waited for ended without completing; `job` has the reason. */
export class TaskFailed<R = unknown> extends AvanceError {
  override readonly name = 'TaskFailed';
  readonly job: Job<R>;

  constructor(job: Job<R>) {
    super(
      job.error?.code ?? job.state,
      job.error?.message ?? `Job ${job.id} ended as ${job.state}.`,
    );
    this.job = job;
  }
}

const BY_STATUS: Readonly<
  Record<number, new (code: string, message: string, options?: ErrorOptions) => AvanceError>
> = {
  400: InvalidRequest,
  401: Unauthenticated,
  403: PermissionDenied,
  404: NotFound,
  409: Conflict,
  413: TooLarge,
  422: InvalidRequest,
  503: Unavailable,
};

/** What a refusal may hold: problem+json, or the `{error, code}` and `{detail}` that some contracts demand. */
export type Refusal = Partial<Problem> & { error?: unknown };

/** The error that an answer tells of. */
export function errorOfProblem(problem: Refusal, status: number, retryAfterS = 1): AvanceError {
  const code = problem.code ?? 'http_error';
  const said = [problem.detail, problem.error, problem.title].find(
    (one) => typeof one === 'string',
  );
  const message = (said as string | undefined) ?? `the server answered ${status}`;
  const options = { status, params: problem.params ?? {} };
  if (status === 429) return new RateLimited(code, message, retryAfterS, options);
  return new (BY_STATUS[status] ?? AvanceError)(code, message, options);
}

/** Any thrown value as an error of ours. */
export function asAvanceError(thrown: unknown): AvanceError {
  if (thrown instanceof AvanceError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new ConnectionFailed('connection_failed', message, { cause: thrown });
}
