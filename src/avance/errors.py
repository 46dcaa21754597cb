"""
Every error that avance raises, by the decision that it asks of the caller.

AvanceError
├── InvalidRequest         mend the request (422)
│   ├── UnknownTask        register the task, or correct its name (404)
│   ├── TooLarge           send less (413)
│   └── ConfigError        correct the named setting; the program does not start
├── Unauthenticated        bring a valid token or key (401)
├── PermissionDenied       ask somebody with the right (403)
├── NotFound               there is no such thing, or not for this caller (404)
├── Conflict               the state forbids it; read again and decide (409)
├── RateLimited            wait `retry_after_s` (429)
├── Unavailable            a service or the disk is not there now; try again (503)
└── TaskFailed             the task itself failed, was cancelled or expired; `job` tells
Cancelled                  inside a task: the job was cancelled; clean up and let it pass (a BaseException)
"""

from collections.abc import Mapping


class AvanceError(Exception):
    """
    The root. `code` is stable and goes on the wire; `params` are the values a client needs to word it in its language.
    """

    code: str = "internal"
    status = 500

    def __init__(self, message: str, /, *, code: str | None = None, **params: object) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.params: Mapping[str, object] = params


class InvalidRequest(AvanceError):
    code = "invalid_request"
    status = 422


class UnknownTask(InvalidRequest):
    code = "unknown_task"
    status = 404


class TooLarge(InvalidRequest):
    code = "too_large"
    status = 413


class ConfigError(InvalidRequest):
    code = "invalid_setting"


class Unauthenticated(AvanceError):
    code = "unauthenticated"
    status = 401


class PermissionDenied(AvanceError):
    code = "permission_denied"
    status = 403


class NotFound(AvanceError):
    code = "not_found"
    status = 404


class Conflict(AvanceError):
    code = "conflict"
    status = 409


class RateLimited(AvanceError):
    code = "rate_limited"
    status = 429

    def __init__(
        self, message: str, /, *, retry_after_s: float, code: str | None = None, **params: object
    ) -> None:
        super().__init__(message, code=code, retry_after_s=retry_after_s, **params)
        self.retry_after_s = retry_after_s


class Unavailable(AvanceError):
    code = "unavailable"
    status = 503


class TaskFailed(AvanceError):
    code = "task_failed"


class Cancelled(BaseException):
    """
    Raised inside a task when its job is cancelled. Not an Exception, so that `except Exception` in a task does not stop it.
    """
