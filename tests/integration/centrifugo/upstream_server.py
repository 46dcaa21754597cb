"""
Serve what the test suites of the client libraries centrifuge-js and centrifuge-python expect of a server on port 8000.

    .venv/bin/python tests/integration/centrifugo/upstream_server.py js
    .venv/bin/python tests/integration/centrifugo/upstream_server.py python
"""

import argparse
import asyncio

import msgspec
from serving import Options, key_of, serve

from avance.backends.system import SystemClock
from avance.backends.tokens import MemoryRevocations, TokenAuth
from avance.edge.session.settings import SessionSettings
from avance.hub.namespaces import Allow, Namespace
from avance.ports.auth import Role, TokenRules

_HISTORY = Namespace(
    history_size=100,
    history_ttl_s=300.0,
    force_recovery=True,
    delta=True,
    allow_subscribe=Allow.ANY,
    allow_publish=Allow.SUBSCRIBERS,
)
_OPEN_TO_SUBSCRIBERS = msgspec.structs.replace(
    _HISTORY,
    presence=True,
    join_leave=True,
    force_push_join_leave=True,
    allow_subscribe=Allow.NOBODY,
    allow_presence=Allow.SUBSCRIBERS,
    allow_history=Allow.SUBSCRIBERS,
)

JS = (
    msgspec.structs.replace(_HISTORY, name="", presence=True),
    msgspec.structs.replace(_HISTORY, name="delta"),
    msgspec.structs.replace(_HISTORY, name="recovery"),
    msgspec.structs.replace(_HISTORY, name="smallhistory", history_size=2),
)
PYTHON = (
    _OPEN_TO_SUBSCRIBERS,
    msgspec.structs.replace(_OPEN_TO_SUBSCRIBERS, name="example", history_size=300),
    msgspec.structs.replace(
        _HISTORY,
        name="smallhistory",
        history_size=2,
        allow_subscribe=Allow.NOBODY,
        allow_history=Allow.SUBSCRIBERS,
    ),
)


async def _main(suite: str, *, is_native: bool) -> None:
    auth = TokenAuth(
        TokenRules(secrets=(b"secret",)),
        SystemClock(),
        MemoryRevocations(),
        api_keys=(key_of("test-api-key", "0", Role.ADMIN),),
    )
    options = Options(
        namespaces=JS if suite == "js" else PYTHON,
        settings=SessionSettings(
            is_insecure=suite == "js",
            has_personal_channel=suite == "python",
            connections_per_user_max=None,
        ),
        auth=auth,
        is_native=is_native,
        host="localhost",
        port=8000,
    )
    async with serve(options):
        print(f"serving for the suite of {suite}; Ctrl-C ends it", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("suite", choices=("js", "python"))
    parser.add_argument("--native", action="store_true", help="the driver of `avance serve`")
    given = parser.parse_args()
    asyncio.run(_main(given.suite, is_native=given.native))
