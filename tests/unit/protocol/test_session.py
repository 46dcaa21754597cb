import pytest

from avance.protocol.codec import JSON, PROTOBUF, Codec
from avance.protocol.codes import (
    DISCONNECT_BAD_REQUEST,
    DISCONNECT_NOT_AVAILABLE,
    ERROR_ALREADY_SUBSCRIBED,
    DisconnectCode,
    ProtocolDisconnect,
)
from avance.protocol.messages import (
    ConnectResult,
    Message,
    PublishResult,
    Push,
    SubscribeResult,
    UnsubscribeResult,
)
from avance.protocol.session import TRANSITIONS, Event, Session, State

CONNECT = b'{"id":1,"connect":{}}'
SUBSCRIBE = b'{"id":2,"subscribe":{"channel":"c"}}'


def connected_session(*, takes_send: bool = False) -> Session:
    session = Session(JSON, takes_send=takes_send)
    session.receive(CONNECT)
    session.connected()
    return session


def disconnect_of(session: Session, frame: bytes) -> DisconnectCode:
    with pytest.raises(ProtocolDisconnect) as raised:
        session.receive(frame)
    assert session.state is State.CLOSED
    return raised.value.disconnect


def test_a_connection_goes_from_new_over_connecting_to_connected() -> None:
    session = Session(JSON)
    assert session.state is State.NEW
    [command] = session.receive(CONNECT)
    assert command.method == "connect"
    assert session.state is State.CONNECTING
    session.connected()
    assert session.state is State.CONNECTED


def test_commands_come_out_in_the_order_of_the_frame() -> None:
    session = Session(JSON)
    commands = session.receive(
        CONNECT + b"\n" + SUBSCRIBE + b'\n{"id":3,"unsubscribe":{"channel":"c"}}'
    )
    assert [(c.id, c.method) for c in commands] == [
        (1, "connect"),
        (2, "subscribe"),
        (3, "unsubscribe"),
    ]


@pytest.mark.parametrize(
    "frame", [SUBSCRIBE, b"{}", b'{"send":{"data":1}}', SUBSCRIBE + b"\n" + CONNECT]
)
def test_anything_before_connect_is_a_bad_request(frame: bytes) -> None:
    assert disconnect_of(Session(JSON, takes_send=True), frame) is DISCONNECT_BAD_REQUEST


def test_a_second_connect_is_a_bad_request_whether_or_not_the_first_was_answered() -> None:
    session = Session(JSON)
    session.receive(CONNECT)
    assert disconnect_of(session, CONNECT) is DISCONNECT_BAD_REQUEST
    assert disconnect_of(connected_session(), CONNECT) is DISCONNECT_BAD_REQUEST
    assert disconnect_of(Session(JSON), CONNECT + b"\n" + CONNECT) is DISCONNECT_BAD_REQUEST


@pytest.mark.parametrize(
    "frame",
    [
        b'{"id":0,"subscribe":{"channel":"c"}}',
        b'{"rpc":{"method":"m"}}',
        b'{"id":2,"ping":{}}',
        b"",
        b"{",
        b'{"id":2}',
        b'{"id":2,"subscribe":{}}',
        b'{"id":2,"unsubscribe":{}}',
        b'{"id":2,"publish":{"data":1}}',
        b'{"id":2,"presence":{}}',
        b'{"id":2,"presence_stats":{}}',
        b'{"id":2,"history":{}}',
        b'{"id":2,"sub_refresh":{"token":"t"}}',
        SUBSCRIBE + b'\n{"id":3}',
    ],
)
def test_a_broken_rule_is_a_bad_request(frame: bytes) -> None:
    assert disconnect_of(connected_session(), frame) is DISCONNECT_BAD_REQUEST


def test_connect_needs_an_id() -> None:
    assert disconnect_of(Session(JSON), b'{"connect":{}}') is DISCONNECT_BAD_REQUEST


def test_a_closed_session_takes_nothing_more() -> None:
    session = connected_session()
    disconnect_of(session, b"{")
    assert disconnect_of(session, SUBSCRIBE) is DISCONNECT_BAD_REQUEST


def test_after_a_refused_connect_every_further_command_is_a_bad_request() -> None:
    session = Session(JSON)
    connect, subscribe = session.receive(CONNECT + b"\n" + SUBSCRIBE)
    session.admit(connect)
    session.refused()
    with pytest.raises(ProtocolDisconnect) as raised:
        session.admit(subscribe)
    assert raised.value.disconnect is DISCONNECT_BAD_REQUEST
    assert disconnect_of(session, SUBSCRIBE) is DISCONNECT_BAD_REQUEST


def test_the_outcome_of_connect_is_told_once() -> None:
    for tell_again in (Session.connected, Session.refused):
        with pytest.raises(ProtocolDisconnect):
            tell_again(connected_session())
    with pytest.raises(ProtocolDisconnect):
        Session(JSON).connected()


def test_a_pong_answers_a_ping_once() -> None:
    session = connected_session()
    assert not session.pong_is_due
    session.ping_sent()
    assert session.pong_is_due
    assert session.receive(b"{}") == []
    assert not session.pong_is_due
    assert disconnect_of(session, b"{}") is DISCONNECT_BAD_REQUEST


def test_a_pong_may_come_in_a_frame_with_commands() -> None:
    session = connected_session()
    session.ping_sent()
    assert [c.id for c in session.receive(b"{}\n" + SUBSCRIBE)] == [2]


def test_send_without_a_handler_is_not_available_and_needs_no_id() -> None:
    assert disconnect_of(connected_session(), b'{"send":{"data":1}}') is DISCONNECT_NOT_AVAILABLE
    [command] = connected_session(takes_send=True).receive(b'{"send":{"data":1}}')
    assert command.method == "send"


@pytest.mark.parametrize("codec", [JSON, PROTOBUF], ids=["json", "protobuf"])
def test_answers_are_written_in_the_codec_of_the_connection(codec: Codec) -> None:
    session = Session(codec)
    assert session.codec is codec
    frame = codec.join(
        [
            session.reply(1, ConnectResult(client="c1", version="1", ping=25, pong=True)),
            session.reply(2, SubscribeResult(recoverable=True)),
            session.reply(3, UnsubscribeResult()),
            session.error(4, ERROR_ALREADY_SUBSCRIBED),
            session.push(Push(message=Message(data=b"1"))),
            session.reply(5, PublishResult()),
        ]
    )
    replies = codec.decode_replies(frame)
    assert [r.id for r in replies] == [1, 2, 3, 4, 0, 5]
    assert replies[0].connect == ConnectResult(client="c1", version="1", ping=25, pong=True)
    assert replies[2].unsubscribe == UnsubscribeResult()
    assert replies[3].error == ERROR_ALREADY_SUBSCRIBED.as_error()
    assert replies[4].push == Push(message=Message(data=b"1"))


def test_nothing_leads_out_of_a_closed_connection() -> None:
    assert {target for (state, _), target in TRANSITIONS.items() if state is State.CLOSED} == {
        State.CLOSED
    }
    assert all((state, Event.RULE_BROKEN) in TRANSITIONS for state in State)
