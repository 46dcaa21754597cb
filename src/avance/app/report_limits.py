"""
How long those who tell of jobs of other engines are waited for. Workers of Celery and RQ read the same names from their environment.
"""

import os
from collections.abc import Mapping
from typing import Annotated

import msgspec

from avance.errors import ConfigError

PREFIX = "AVANCE_REPORTS_"

Seconds = Annotated[float, msgspec.Meta(gt=0, le=3_600)]


class ReportLimits(msgspec.Struct, frozen=True, kw_only=True):
    lease_s: Seconds = 13.0
    """A worker of Celery or RQ that was not heard for so long is lost; at least twice `beat_s`."""
    look_interval_s: Seconds = 1.0
    """How often is looked for such workers; with the lease before it stays below the 15 s in which a lost worker is noticed."""
    beat_s: Seconds = 4.0
    """How often such a worker tells what it holds. Set it in the environment of the workers too."""
    grace_s: Seconds = 5.0
    """Between asking a cancelled job of RQ to stop and killing its work horse; longer than `ask_interval_s`. Set it in the environment of the workers."""
    flush_s: Seconds = 2.0
    """A task that ends waits so long at most for its reports to be written, and a cancel for Redis to know of it."""
    ask_interval_s: Seconds = 1.0
    """A task that asks whether it was cancelled gets a new answer so often."""
    reader_lock_s: Seconds = 4.0
    """After so long another node reads the reports of a node that is gone."""
    marks_max: Annotated[int, msgspec.Meta(ge=1)] = 50_000
    """Jobs of which a node remembers up to which line they were told."""
    running_page: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 200
    """Running jobs that are listed at a time when a node begins to read."""

    def __post_init__(self) -> None:
        if self.lease_s < 2 * self.beat_s:
            raise ConfigError(
                f"setting reports.lease_s is {self.lease_s:g} and reports.beat_s {self.beat_s:g}; "
                "a lease shorter than two beats loses workers that are well, so raise the one or lower the other",
                setting="reports.lease_s",
            )


REPORT_LIMITS = ReportLimits()


def limits_of_worker(environment: Mapping[str, str] | None = None) -> ReportLimits:
    """
    What the environment of a worker says; it reads no file.

    Raises:
        ConfigError: A value is wrong.
    """
    variables = os.environ if environment is None else environment
    names = [field.name for field in msgspec.structs.fields(ReportLimits)]
    given = {name: variables.get(PREFIX + name.upper()) for name in names}
    values = {name: value for name, value in given.items() if value}
    try:
        return msgspec.convert(values, ReportLimits, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"a setting {PREFIX}… in the environment of this worker is wrong: {error}"
        ) from error
