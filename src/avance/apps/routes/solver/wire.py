"""
What a task and its solver process say to each other: msgpack with a length before it, arrays as bytes.
"""

from collections.abc import Mapping
from typing import Any, BinaryIO

import msgspec
import numpy as np

from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.depots.yard import Yard
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.solver.search import Ended, Found, Step
from avance.apps.routes.solver.weighing.problem import Weighing

HEAD_BYTES = 4
MESSAGE_BYTES_MAX = 512 * 2**20

ARRAYS: Mapping[str, str] = {
    "ids": "int64",
    "lo": "int64",
    "hi": "int64",
    "nominal": "int64",
    "duration": "int64",
    "gap": "int64",
    "cost": "float64",
    "shift_weight": "float64",
    "may_follow": "bool",
    "low": "float64",
    "high": "float64",
}

YARD_ARRAYS: Mapping[str, str] = {
    "out": "float64",
    "back": "float64",
    "fits": "bool",
    "count": "int64",
    "bus_cost": "float64",
    "unserved_cost": "float64",
}

SQUARE = ("gap", "cost", "may_follow")


class PackedWeighing(msgspec.Struct, frozen=True, kw_only=True):
    """
    A weighted goal.
    """

    blocks: list[dict[str, bytes]]
    bus: float
    overtime_hour: float
    duty_s: float
    load: float
    out_s: list[list[float]]
    back_s: list[list[float]]


class Work(msgspec.Struct, frozen=True, kw_only=True, tag="work"):
    blocks: list[dict[str, bytes]]
    options: SearchOptions
    seeds: list[list[int]] = []
    yard: dict[str, bytes] | None = None
    """Where vehicles stand at depots; there is one block then."""
    weighing: PackedWeighing | None = None


class Broken(msgspec.Struct, frozen=True, kw_only=True, tag="broken"):
    """
    The search raised.
    """

    reason: str
    traceback: str


Up = Step | Found | Ended | Broken

_encoder = msgspec.msgpack.Encoder()
_work = msgspec.msgpack.Decoder(Work)
_up = msgspec.msgpack.Decoder(Up)


def pack_block(block: Block) -> dict[str, bytes]:
    return {
        name: np.ascontiguousarray(getattr(block, name), dtype=kind).tobytes()
        for name, kind in ARRAYS.items()
    }


def unpack_block(packed: Mapping[str, bytes]) -> Block:
    size = len(packed["ids"]) // 8
    arrays: dict[str, Any] = {}
    for name, kind in ARRAYS.items():
        array = np.frombuffer(packed[name], dtype=kind)
        arrays[name] = array.reshape(size, size) if name in SQUARE else array
    return Block(**arrays)


def pack_yard(yard: Yard) -> dict[str, bytes]:
    return {
        name: np.ascontiguousarray(getattr(yard, name), dtype=kind).tobytes()
        for name, kind in YARD_ARRAYS.items()
    }


def unpack_yard(packed: Mapping[str, bytes]) -> Yard:
    arrays: dict[str, Any] = {
        name: np.frombuffer(packed[name], dtype=kind) for name, kind in YARD_ARRAYS.items()
    }
    kinds = len(arrays["count"])
    return Yard(
        count=arrays["count"],
        bus_cost=float(arrays["bus_cost"][0]),
        unserved_cost=float(arrays["unserved_cost"][0]),
        **{name: arrays[name].reshape(kinds, -1) for name in ("out", "back", "fits")},
    )


def pack_weighing(weighing: Weighing) -> PackedWeighing:
    return PackedWeighing(
        blocks=[pack_block(block) for block in weighing.blocks],
        bus=weighing.bus,
        overtime_hour=weighing.overtime_hour,
        duty_s=weighing.duty_s,
        load=weighing.load,
        out_s=weighing.out_s.tolist(),
        back_s=weighing.back_s.tolist(),
    )


def unpack_weighing(packed: PackedWeighing) -> Weighing:
    return Weighing(
        blocks=[unpack_block(block) for block in packed.blocks],
        bus=packed.bus,
        overtime_hour=packed.overtime_hour,
        duty_s=packed.duty_s,
        load=packed.load,
        out_s=np.array(packed.out_s, dtype=np.float64),
        back_s=np.array(packed.back_s, dtype=np.float64),
    )


def send(pipe: BinaryIO, message: msgspec.Struct) -> None:
    body = _encoder.encode(message)
    pipe.write(len(body).to_bytes(HEAD_BYTES, "big"))
    pipe.write(body)
    pipe.flush()


def receive_work(pipe: BinaryIO) -> Work | None:
    body = _receive(pipe)
    return None if body is None else _work.decode(body)


def receive_up(pipe: BinaryIO) -> Up | None:
    body = _receive(pipe)
    return None if body is None else _up.decode(body)


def _receive(pipe: BinaryIO) -> bytes | None:
    """
    One message; None when the other side is gone.
    """
    head = pipe.read(HEAD_BYTES)
    if len(head) < HEAD_BYTES:
        return None
    size = int.from_bytes(head, "big")
    if size > MESSAGE_BYTES_MAX:
        raise ValueError(f"a message of {size} bytes; the most is {MESSAGE_BYTES_MAX}")
    body = pipe.read(size)
    return body if len(body) == size else None
