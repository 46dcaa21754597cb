import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avance.backends.embedded.frames import (
    Frames,
    OversizedFrame,
    Start,
    decode_down,
    decode_up,
    frame_down,
    frame_up,
)
from avance.model.report import ChunkEmitted, Done
from avance.ports.executor import Run


@given(st.lists(st.binary(max_size=50), max_size=10), st.data())
def test_messages_come_out_whole_however_they_are_cut(bodies: list[bytes], data: st.DataObject):
    stream = b"".join(len(body).to_bytes(4, "big") + body for body in bodies)
    frames, found, rest = Frames(100), [], stream
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        found += frames.feed(rest[:size])
        rest = rest[size:]
    assert found == bodies


def test_a_message_over_the_limit_is_refused_before_it_is_read():
    assert Frames(3).feed(b"\0\0\0\3abc") == [b"abc"]
    with pytest.raises(OversizedFrame, match="4 bytes; the limit is 3"):
        Frames(3).feed(b"\0\0\0\4")


@pytest.mark.parametrize("json", [b'"\\u00e1"', b"1e3", b'{"b":1, "a":2}', b"null"])
def test_json_inside_a_report_stays_as_it_is(json: bytes):
    chunk = ChunkEmitted(job_id="j", attempt=1, name="n", chunk=msgspec.Raw(json))
    (body,) = Frames(1_000).feed(frame_up(chunk))
    back = decode_up(body)
    assert isinstance(back, ChunkEmitted)
    assert bytes(back.chunk) == json
    done = decode_up(
        Frames(1_000).feed(frame_up(Done(job_id="j", attempt=1, result=msgspec.Raw(json))))[0]
    )
    assert isinstance(done, Done)
    assert bytes(done.result) == json


def test_an_attempt_goes_down_whole():
    run = Run(
        job_id="j",
        attempt=3,
        task="t",
        input=bytes(range(256)),
        runner="process",
        owner="ana",
        meta={"a": [1, None, {"b": 2.5}]},
        tags=("x",),
        timeout_s=1.5,
    )
    (body,) = Frames(10_000).feed(frame_down(Start(run=run)))
    assert decode_down(body) == Start(run=run)
