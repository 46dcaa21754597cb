"""
How long those who tell of jobs of other engines are waited for.
"""

import pytest

from avance.app.report_limits import ReportLimits, limits_of_worker
from avance.errors import ConfigError


def test_by_default_a_lost_worker_is_noticed_within_15_seconds() -> None:
    limits = ReportLimits()
    assert limits.lease_s + limits.look_interval_s + limits.reader_lock_s / 4 <= 15
    assert limits.lease_s >= 3 * limits.beat_s, "a beat or two may be late"
    assert limits.ask_interval_s < limits.grace_s


def test_a_worker_reads_them_from_its_environment() -> None:
    limits = limits_of_worker({"AVANCE_REPORTS_BEAT_S": "0.5", "AVANCE_REPORTS_GRACE_S": ""})
    assert (limits.beat_s, limits.grace_s) == (0.5, ReportLimits().grace_s)


@pytest.mark.parametrize(
    ("value", "told"), [("often", "Expected `float`"), ("0", "> 0"), ("7", "a lease shorter")]
)
def test_a_value_that_cannot_work_is_refused_with_a_reason(value: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        limits_of_worker({"AVANCE_REPORTS_BEAT_S": value})
