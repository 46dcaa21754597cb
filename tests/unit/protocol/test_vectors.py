import json
from pathlib import Path
from typing import Any

import centrifuge.protocol.client_pb2 as stock
import pytest
from centrifuge.fossil import apply_delta as stock_apply

from avance.protocol import delta
from avance.protocol.codec import JSON, PROTOBUF
from avance.protocol.codes import MalformedFrame
from avance.protocol.messages import Command, Pong

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "wire.json").read_text()
)


def cases(kind: str) -> pytest.MarkDecorator:
    found = VECTORS[kind]
    return pytest.mark.parametrize("case", found, ids=[case["name"] for case in found])


def body_of(frame: bytes) -> bytes:
    at = next(i for i, byte in enumerate(frame) if byte < 0x80) + 1
    return frame[at:]


@cases("commands")
def test_a_command_is_the_same_in_both_codecs(case: dict[str, str]) -> None:
    text, binary = case["json"].encode(), bytes.fromhex(case["protobuf"])
    [command] = JSON.decode_commands(text)
    assert isinstance(command, Command)
    assert PROTOBUF.decode_commands(binary) == [command]
    assert PROTOBUF.encode_command(command) == binary
    assert json.loads(JSON.encode_command(command)) == json.loads(text)


@cases("replies")
def test_a_reply_is_the_same_in_both_codecs(case: dict[str, str]) -> None:
    text, binary = case["json"].encode(), bytes.fromhex(case["protobuf"])
    [reply] = JSON.decode_replies(text)
    assert PROTOBUF.decode_replies(binary) == [reply]
    assert PROTOBUF.encode_reply(reply) == binary
    assert json.loads(JSON.encode_reply(reply)) == json.loads(text)


@pytest.mark.parametrize("kind", ["commands", "replies"])
def test_the_stock_client_writes_the_same_bytes(kind: str) -> None:
    message = stock.Command if kind == "commands" else stock.Reply
    for case in VECTORS[kind]:
        body = body_of(bytes.fromhex(case["protobuf"]))
        assert message.FromString(body).SerializeToString(deterministic=True) == body, case["name"]


@cases("frames")
def test_a_frame_of_several_messages_is_the_same_in_both_codecs(case: dict[str, str]) -> None:
    text, binary = case["json"].encode(), bytes.fromhex(case["protobuf"])
    frame = JSON.decode_commands(text)
    assert PROTOBUF.decode_commands(binary) == frame
    for codec, written in ((JSON, text), (PROTOBUF, binary)):
        parts = [codec.ping() if isinstance(c, Pong) else codec.encode_command(c) for c in frame]
        assert codec.join(parts) == written


@cases("publications")
def test_a_publication_on_a_delta_subscription_is_written_as_it_stands(
    case: dict[str, Any],
) -> None:
    for codec, written in (
        (JSON, case["json"].encode()),
        (PROTOBUF, bytes.fromhex(case["protobuf"])),
    ):
        assert written == codec.encode_publication(
            case["channel"],
            case["data"].encode(),
            case["offset"],
            delta=case["delta"],
            as_string=True,
        )


@cases("deltas")
def test_a_patch_is_written_as_it_stands_and_read_by_the_stock_client(
    case: dict[str, str | None],
) -> None:
    base, target = (case["base"] or "").encode(), (case["target"] or "").encode()
    made = delta.patch_for_text(base, target)
    assert (None if made is None else made.decode()) == case["patch"]
    if made is not None:
        assert stock_apply(base, made) == target


@pytest.mark.parametrize("frame", VECTORS["malformed"]["json"].values())
def test_a_malformed_json_frame_is_refused(frame: str) -> None:
    with pytest.raises(MalformedFrame):
        JSON.decode_commands(frame.encode())


@pytest.mark.parametrize("frame", VECTORS["malformed"]["protobuf"].values())
def test_a_malformed_protobuf_frame_is_refused(frame: str) -> None:
    with pytest.raises(MalformedFrame):
        PROTOBUF.decode_commands(bytes.fromhex(frame))
