"""
The socket of an upload and a peer that says nothing. docs/contract/uploads.md, decision 3.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from avance import Avance
from avance.app.engine import Engine
from avance.apps.documents import app
from avance.apps.documents.uploads_socket import UploadSocket
from avance.config import read_settings
from avance.dialect import CLOSE_END, CLOSE_IDLE, Close, Effect, Send, Visit, Wake
from avance.web import Identity

FIVE_MINUTES_S = 300.0


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Avance, Engine]:
    env = {"AVANCE_DATA": str(tmp_path), "WS_HEARTBEAT_INTERVAL": request.param}
    host = Avance(settings=read_settings(env={**env, "AVANCE_PROCESSES": "0"}))
    host.include(app)
    return host, host.build()


@asynccontextmanager
async def opened(
    site: tuple[Avance, Engine],
) -> AsyncIterator[tuple[UploadSocket, list[Effect]]]:
    host, engine = site
    async with host.running(engine):
        socket = UploadSocket(host)
        visit = Visit(identity=Identity(user="ana"), path={"upload_id": "x"}, query={})
        yield socket, list(socket.opened(visit))


def wakes(effects: list[Effect]) -> list[float]:
    return [one.after_s for one in effects if isinstance(one, Wake)]


@pytest.mark.parametrize("site", ["3600"], indirect=True)
async def test_without_pings_five_silent_minutes_end_a_socket_and_each_word_begins_them_anew(
    site: tuple[Avance, Engine],
) -> None:
    """
    003-15, 003-T6: the timer is that of the effects, so that no minute has to pass here.
    """
    async with opened(site) as (socket, effects):
        assert wakes(effects) == [FIVE_MINUTES_S]
        answered = list(socket.heard("ping"))
        assert isinstance(answered[0], Send)
        assert wakes(answered) == [FIVE_MINUTES_S]
        assert wakes(list(socket.heard("{rubbish"))) == [FIVE_MINUTES_S]
        assert list(socket.rang("idle")) == [Close(*CLOSE_IDLE)]
        assert CLOSE_IDLE[0] == 4408
        assert list(socket.heard("close")) == [Close(*CLOSE_END)]


@pytest.mark.parametrize("site", ["30"], indirect=True)
async def test_a_peer_that_is_pinged_is_never_idle(site: tuple[Avance, Engine]) -> None:
    """
    003-15, 003-17: its answers are signs of life, and no frame of its own is asked for.
    """
    async with opened(site) as (socket, effects):
        assert wakes([*effects, *socket.heard("ping")]) == []
