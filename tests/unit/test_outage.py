import logging

import pytest

from avance.errors import AvanceError, Conflict, Unavailable
from avance.ports.outage import Outage

LOG = logging.getLogger("avance.test")


def levels(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.levelname for record in caplog.records]


def test_an_outage_is_said_once_each_time_that_it_begins(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    outage = Outage(LOG, "letters wait for the office")
    for _ in range(3):
        with outage:
            raise Unavailable("it is closed")
        assert outage.lasts
    with outage:
        pass
    assert not outage.lasts
    with outage:
        raise Unavailable("it is closed again")
    assert levels(caplog) == ["WARNING", "DEBUG", "DEBUG", "WARNING"]
    assert caplog.messages[-1] == "letters wait for the office: it is closed again"


def test_what_waiting_does_not_mend_passes(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Conflict), Outage(LOG, "letters wait"):
        raise Conflict("it was sent already")
    with pytest.raises(ValueError, match="never"), Outage(LOG, "letters wait", kind=AvanceError):
        raise ValueError("never")
    assert levels(caplog) == []
