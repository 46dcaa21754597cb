"""
Fuzz the decoders: whatever comes, nothing but documented errors may escape, and what is accepted means the same again.

Run with random and mutated input: `python tests/fuzz/fuzz_decoder.py [seconds] [seed]`. Under atheris: `atheris.Setup(sys.argv, one)`.
"""

import json
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from avance.protocol.codec import JSON, PROTOBUF, Codec
from avance.protocol.codes import MalformedFrame, ProtocolDisconnect
from avance.protocol.messages import Command, Pong
from avance.protocol.session import Session

VECTORS = Path(__file__).parent.parent / "vectors" / "wire.json"


def one(data: bytes) -> None:
    """
    Give one input to every decoder.
    """
    for codec in (JSON, PROTOBUF):
        _commands(codec, data)
        _replies(codec, data)
        _emulation(codec, data)
        _session(codec, data)


def _commands(codec: Codec, data: bytes) -> None:
    try:
        commands = codec.decode_commands(data)
    except MalformedFrame:
        return
    parts = [codec.ping() if isinstance(c, Pong) else codec.encode_command(c) for c in commands]
    again = codec.decode_commands(codec.join(parts))
    assert again == commands
    if codec is JSON:
        for part in parts:
            json.loads(part)
            assert b"\n" not in part


def _replies(codec: Codec, data: bytes) -> None:
    try:
        replies = codec.decode_replies(data)
    except MalformedFrame:
        return
    again = codec.decode_replies(codec.join(map(codec.encode_reply, replies)))
    assert again == replies


def _emulation(codec: Codec, data: bytes) -> None:
    try:
        request = codec.decode_emulation(data)
    except MalformedFrame:
        return
    assert codec.decode_emulation(codec.encode_emulation(request)) == request


def _session(codec: Codec, data: bytes) -> None:
    session = Session(codec, takes_send=True)
    session.ping_sent()
    try:
        commands = session.receive(data)
    except ProtocolDisconnect:
        return
    assert all(isinstance(command, Command) for command in commands)


def corpus() -> list[bytes]:
    """
    The frames of the wire vectors in both codecs.
    """
    vectors = json.loads(VECTORS.read_text())
    frames = [b"{}", b"\x00", b"{}\n{}", b""]
    for case in vectors["commands"] + vectors["replies"]:
        frames += [case["json"].encode(), bytes.fromhex(case["protobuf"])]
    frames += [case.encode() for case in vectors["malformed"]["json"].values()]
    frames += [bytes.fromhex(case) for case in vectors["malformed"]["protobuf"].values()]
    return frames


def inputs(seed: int) -> Iterator[bytes]:
    """
    Make mutations of the corpus without an end.
    """
    chance = random.Random(seed)
    seeds = corpus()
    yield from seeds
    while True:
        frame = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 6)):
            _mutate(frame, chance, seeds)
        yield bytes(frame)


def _mutate(frame: bytearray, chance: random.Random, seeds: list[bytes]) -> None:
    at = chance.randint(0, len(frame))
    kind = chance.randrange(6)
    if kind == 0:
        frame[at : at + 1] = chance.randbytes(1)
    elif kind == 1:
        del frame[at : at + chance.randint(1, 8)]
    elif kind == 2:
        frame[at:at] = chance.randbytes(chance.randint(1, 4))
    elif kind == 3:
        frame[at:at] = frame[at : at + chance.randint(1, 40)]
    elif kind == 4:
        other = chance.choice(seeds)
        start = chance.randint(0, len(other))
        frame[at:at] = other[start : start + 60]
    else:
        token = chance.choice([b"null", b"-1", b"1e9", b'""', b"[", b"{", b"\\ud800", b"\xff" * 9])
        frame[at:at] = token


def main() -> None:
    """
    Fuzz for a while and say how far it came.
    """
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    end = time.monotonic() + seconds
    count = 0
    for data in inputs(seed):
        if time.monotonic() > end:
            break
        try:
            one(data)
        except BaseException:
            print(f"input {count} of seed {seed}: {data.hex()}")
            raise
        count += 1
    print(f"{count} inputs of seed {seed}, no undocumented error")


if __name__ == "__main__":
    main()
