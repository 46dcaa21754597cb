"""
The jobs of this system among all jobs.
"""

import msgspec

OPTIMIZE = "routes.optimize"
WEEK = "routes.week"
KINDS = (OPTIMIZE, WEEK)


def is_ours(kind: str) -> bool:
    return kind in KINDS


class Stored(msgspec.Struct, frozen=True):
    """
    What an optimization has answered, not decoded further.
    """

    result: msgspec.Raw = msgspec.Raw(b"null")
    stats: msgspec.Raw = msgspec.Raw(b"null")
    findings: msgspec.Raw = msgspec.Raw(b"[]")
    explanations: msgspec.Raw = msgspec.Raw(b"{}")


_decoder = msgspec.json.Decoder(Stored)


def read_stored(body: bytes) -> Stored:
    return _decoder.decode(body)
