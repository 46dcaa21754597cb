"""
The parser under generated input. `test_any_bytes_give_documented_events_only` is the fuzz target: Hypothesis gives its
`hypothesis.fuzz_one_input` to any fuzzer.
"""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from avance.edge.drivers.rfc6455 import Close, Event, Failure, Message, Parser, Ping, Pong

LIMIT = 300

Build = Callable[..., bytes]

OPCODES = st.sampled_from([0, 1, 2, 8, 9, 10]) | st.integers(0, 15)
PAYLOADS = (
    st.binary(max_size=140)
    | st.text(max_size=60).map(str.encode)
    | st.sampled_from([b"\x03\xe8", b"\x03\xe8ok", b"x" * 126, b"x" * 400])
)


@st.composite
def client_bytes(draw: st.DrawFn, build: Build, *, is_cut: bool = True) -> bytes:
    """
    Mostly valid frames, so that long streams come alive, with every kind of fault now and then.
    """
    pieces = [
        build(
            draw(OPCODES),
            draw(PAYLOADS),
            fin=draw(st.booleans()),
            rsv=draw(st.sampled_from([0] * 9 + [1])),
            mask=draw(st.sampled_from([b"abcd", b"\x00\xff\x00\xff"] * 5 + [None])),
        )
        for _ in range(draw(st.integers(0, 8)))
    ]
    data = b"".join(pieces)
    return data[: draw(st.integers(0, len(data)))] if is_cut and draw(st.booleans()) else data


def feed_in_chunks(data: bytes, cuts: list[int]) -> list[Event]:
    parser = Parser(message_bytes_max=LIMIT)
    events: list[Event] = []
    start = 0
    for cut in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        events += parser.feed(data[start:cut])
        start = cut
    return events


@given(st.data(), st.lists(st.integers(0, 10_000), max_size=20))
def test_any_chunking_of_the_bytes_gives_the_same_events(
    frame: Build, draw: st.DataObject, cuts: list[int]
) -> None:
    data = draw.draw(client_bytes(frame))
    assert feed_in_chunks(data, cuts) == Parser(message_bytes_max=LIMIT).feed(data)


@given(st.binary(max_size=600))
def test_any_bytes_give_documented_events_only(data: bytes) -> None:
    events = Parser(message_bytes_max=LIMIT).feed(data)
    for event in events[:-1]:
        assert isinstance(event, Message | Ping | Pong)
    for event in events:
        if isinstance(event, Failure):
            assert event.code in {1002, 1007, 1009}
        if isinstance(event, Message):
            assert len(event.data) <= LIMIT
            assert not event.is_text or event.data.decode() is not None


@given(st.data())
def test_it_agrees_with_an_independent_implementation(frame: Build, draw: st.DataObject) -> None:
    # Of whole frames only: it judges some headers when the payload is there, we judge them at once.
    data = draw.draw(client_bytes(frame, is_cut=False))
    ours = Parser(message_bytes_max=LIMIT).feed(data)
    if any(isinstance(event, Failure) and event.code == 1007 for event in ours):
        return  # websockets checks UTF-8 above this layer
    other = ServerProtocol(max_size=LIMIT, state=OPEN)
    other.receive_data(data)
    frames = other.events_received()
    assert [bytes(f.data) for f in frames if f.opcode is Opcode.PING] == [
        event.payload for event in ours if isinstance(event, Ping)
    ]
    failed = [event.code for event in ours if isinstance(event, Failure | Close)]
    theirs = [] if other.close_sent is None else [other.close_sent.code]
    if ours and isinstance(ours[-1], Close) and theirs == [1002]:
        return  # it refuses a close between two fragments, which section 5.4 allows
    # A frame with two faults may be refused for either: its form (1002), its size (1009), its close reason (1007).
    assert failed == theirs or {*failed, *theirs} in ({1002, 1009}, {1002, 1007})
