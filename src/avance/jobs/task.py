"""
A task: a function, the options it was declared with, and the encoding of its arguments.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar, get_type_hints

import msgspec

from avance.errors import ConfigError, InvalidRequest, TooLarge
from avance.model.job import JOB_LIMITS, Phase, RetryPolicy

P = ParamSpec("P")
R = TypeVar("R")

Key = str | Callable[..., object]
"""The name of a parameter, or a function of all arguments by name."""


class Runner(StrEnum):
    PROCESS = "process"
    """A warm process of its own; the default for `def`. Can be killed."""
    THREAD = "thread"
    """A thread of the serving process; can only be asked to stop."""
    ASYNC = "async"
    """The event loop; the default for `async def`."""


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """
    `Retry(max_attempts=4, backoff_s=(60, 120, 240))` is one try and three retries.
    """

    max_attempts: int
    backoff_s: Sequence[float] = (1.0, 5.0, 30.0)
    jitter: float = 0.0
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    dont_retry_on: tuple[type[BaseException], ...] = ()
    lost_max: int = 3

    def allows(self, error: BaseException) -> bool:
        return isinstance(error, self.retry_on) and not isinstance(error, self.dont_retry_on)


class OnConflict(StrEnum):
    QUEUE = "queue"
    CANCEL_OLDEST = "cancel_oldest"
    REJECT = "reject"


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """
    At most `max` jobs of this task with the same key run at once.
    """

    key: Key
    max: int = 1
    on_conflict: OnConflict | str = OnConflict.QUEUE


class Throttle(msgspec.Struct, frozen=True, kw_only=True):
    """
    How much ordinary progress is written. Phases, 0, 100, logs, results and ends always are.
    """

    hz: float = 10.0
    min_step: float | None = None
    """Percent points; a smaller step waits."""
    keep_first: int = 0
    """So many reports pass before the throttle acts."""


class TaskOptions(msgspec.Struct, frozen=True, kw_only=True):
    runner: Runner
    phases: tuple[Phase, ...] = ()
    retry: Retry | None = None
    timeout_s: float | None = None
    grace_s: float = 5.0
    expires_s: float | None = None
    """From submit to the end, waiting included."""
    unique: Key | None = None
    concurrency: Limit | None = None
    progress: Throttle = Throttle()
    priority: int = 0
    title: Key | None = None
    expose: bool = False
    """In token mode, users may submit it over HTTP by name; senders and admins always may."""

    @property
    def retry_policy(self) -> RetryPolicy:
        if self.retry is None:
            return RetryPolicy()
        return RetryPolicy(
            max_attempts=self.retry.max_attempts,
            backoff_s=tuple(self.retry.backoff_s),
            jitter=self.retry.jitter,
            lost_max=self.retry.lost_max,
        )


class Arguments(msgspec.Struct, frozen=True):
    """
    What is stored of a call.
    """

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}


_encoder = msgspec.json.Encoder()
_arguments = msgspec.json.Decoder(Arguments)


class Task(Generic[P, R]):
    """
    Called, it runs the function here and now, as if it had not been decorated; submitted, it becomes a job.
    """

    def __init__(
        self, name: str, function: Callable[P, R], options: TaskOptions, context: type
    ) -> None:
        self.name = name
        self.function = function
        self.options = options
        self._context = context
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Task {self.name}>"

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.function)

    @cached_property
    def _signature(self) -> tuple[inspect.Signature, Mapping[str, Any], str | None]:
        try:
            hints = get_type_hints(self.function)
        except NameError as error:
            raise ConfigError(
                f"task {self.name}: the annotation {error.name!r} cannot be resolved; import it at module level"
            ) from error
        signature = inspect.signature(self.function)
        injected = next(
            (name for name in signature.parameters if hints.get(name) is self._context), None
        )
        return signature, hints, injected

    @cached_property
    def _given(self) -> tuple[inspect.Signature, Mapping[str, tuple[inspect.Parameter, Any]]]:
        """
        The signature as a caller sees it, and each parameter with its type.
        """
        signature, hints, injected = self._signature
        given = {
            name: (p, hints.get(name, Any))
            for name, p in signature.parameters.items()
            if name != injected
        }
        return inspect.Signature([p for p, _ in given.values()]), given

    @property
    def job_parameter(self) -> str | None:
        """
        The parameter that is annotated with `avance.Job` and filled in at run time.
        """
        return self._signature[2]

    def parameters(self) -> list[tuple[inspect.Parameter, Any]]:
        """
        What a caller gives, each with its type (Any where none is written).
        """
        return list(self._given[1].values())

    def schema(self) -> dict[str, Any]:
        """
        JSON Schema of the parameters.
        """
        fields: list[Any] = [
            (p.name, kind, p.default) if p.default is not p.empty else (p.name, kind)
            for p, kind in self.parameters()
            if p.kind in _NAMED
        ]
        shape = msgspec.defstruct(self.function.__name__, fields, kw_only=True)
        return msgspec.json.schema(shape)

    def encode(
        self, args: Iterable[Any], kwargs: Mapping[str, Any]
    ) -> tuple[bytes, Mapping[str, Any]]:
        """
        Check the arguments against the signature and encode them; also answer them by name, for keys.

        Raises:
            InvalidRequest: One is missing, unknown or of the wrong type; the message names it.
            TooLarge: Together they are over the limit.
        """
        bound = self._bind(tuple(args), kwargs)
        try:
            encoded = _encoder.encode({"args": bound.args, "kwargs": bound.kwargs})
        except (TypeError, msgspec.MsgspecError) as error:
            raise InvalidRequest(
                f"task {self.name}: an argument cannot be stored as JSON ({error}); pass plain values, or a path or id",
                code="invalid_params",
            ) from error
        if len(encoded) > JOB_LIMITS.input_bytes_max:
            raise TooLarge(
                f"task {self.name}: the arguments have {len(encoded)} bytes, the limit is {JOB_LIMITS.input_bytes_max}; pass a reference",
                code="input_too_large",
                bytes=len(encoded),
                bytes_max=JOB_LIMITS.input_bytes_max,
            )
        if bound.arguments:
            # What cannot be read back as annotated is refused now, not when the job runs.
            self.decode(encoded)
        bound.apply_defaults()
        return encoded, bound.arguments

    def decode(self, encoded: bytes) -> inspect.BoundArguments:
        """
        The stored arguments, converted to the annotated types.
        """
        stored = _arguments.decode(encoded)
        bound = self._bind(stored.args, stored.kwargs)
        hints = self._given[1]
        for name, value in bound.arguments.items():
            parameter, kind = hints[name]
            if parameter.kind is parameter.VAR_POSITIONAL:
                bound.arguments[name] = tuple(self._convert(name, item, kind) for item in value)
            elif parameter.kind is parameter.VAR_KEYWORD:
                bound.arguments[name] = {
                    key: self._convert(key, item, kind) for key, item in value.items()
                }
            else:
                bound.arguments[name] = self._convert(name, value, kind)
        return bound

    def _bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> inspect.BoundArguments:
        try:
            return self._given[0].bind(*args, **kwargs)
        except TypeError as error:
            raise InvalidRequest(
                f"task {self.name}: {error}", code="invalid_params", task=self.name
            ) from error

    def _convert(self, name: str, value: Any, kind: Any) -> Any:
        if kind is Any:
            return value
        try:
            return msgspec.convert(value, kind, strict=True, str_keys=True)
        except msgspec.ValidationError as error:
            raise InvalidRequest(
                f"task {self.name}: parameter {name!r}: {error}",
                code="invalid_params",
                task=self.name,
                parameter=name,
            ) from error
        except TypeError:
            # msgspec does not know the type (a Path, a class of the user's own); the function gets what was stored.
            return kind(value) if callable(kind) and isinstance(kind, type) else value


_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def key_of(key: Key, arguments: Mapping[str, Any], what: str) -> str:
    """
    The text of a key: a parameter's value, or what the callable makes of the arguments that it names.
    """
    if isinstance(key, str):
        if key not in arguments:
            raise ConfigError(f"{what} names the parameter {key!r}, which the task does not have")
        return str(arguments[key])
    wanted = inspect.signature(key).parameters
    return str(key(**{name: value for name, value in arguments.items() if name in wanted}))


def declare_phases(phases: Mapping[str, float] | Sequence[str] | None) -> tuple[Phase, ...]:
    """
    `{"parsing": 30, "indexing": 70}`, or names that weigh the same.
    """
    if phases is None:
        return ()
    weights = phases if isinstance(phases, Mapping) else dict.fromkeys(phases, 1.0)
    return tuple(
        Phase(id=name, label=name, weight=float(weight)) for name, weight in weights.items()
    )


MAIN_MODULE = "__avance_main__"
"""The name under which a worker process runs a script, so that its `if __name__ == "__main__"` part stays quiet."""


def task_name(function: Callable[..., object]) -> str:
    """
    `module.function`; a script is named by its file, so that another process finds the task again.
    """
    module = function.__module__
    if module in ("__main__", MAIN_MODULE):
        path = getattr(function, "__globals__", {}).get("__file__")
        if path is None:
            raise ConfigError(
                "a task declared in an interactive session has no module that a worker could import: put it into a file, or give it a name"
            )
        module = Path(path).stem
    return f"{module}.{function.__qualname__}"


AnyTask = Task[..., Any]
MaybeAwaitable = Awaitable[Any] | Any
