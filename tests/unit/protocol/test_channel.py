import pytest

from avance.errors import InvalidRequest
from avance.protocol import channel
from avance.protocol.codes import (
    DISCONNECT_BAD_REQUEST,
    ERROR_BAD_REQUEST,
    ProtocolDisconnect,
    ReplyError,
)


@pytest.mark.parametrize(
    ("name", "namespace"),
    [
        ("news", ""),
        ("job:7", "job"),
        ("job:7:log", "job"),
        ("$secret:7", "secret"),
        ("$secret", ""),
        (":x", ""),
        ("#42", ""),
        ("#auth0:42", ""),
        ("jobs:#42", "jobs"),
        ("jobs:#auth0:42", "jobs"),
        ("news#42,43", ""),
    ],
)
def test_the_namespace_is_what_stands_before_the_first_colon(name: str, namespace: str) -> None:
    assert channel.namespace(name) == namespace


def test_a_dollar_sign_makes_a_channel_private() -> None:
    assert channel.is_private("$x")
    assert not channel.is_private("x$")


def test_the_name_of_a_user_limited_channel_lists_who_may_subscribe() -> None:
    assert channel.allowed_users("news#42,43") == ("42", "43")
    assert channel.is_user_limited("news#42,43")
    assert channel.is_allowed("news#42,43", "42")
    assert channel.is_allowed("news#42,43", "43")
    assert not channel.is_allowed("news#42,43", "4")
    assert not channel.is_allowed("news#42,43", "42,43")


def test_nobody_is_listed_in_a_channel_without_a_boundary() -> None:
    assert channel.allowed_users("news") == ()
    assert not channel.is_user_limited("news")
    assert not channel.is_allowed("news", "42")


@pytest.mark.parametrize("name", ["news#", "news#,42", "#"])
def test_an_anonymous_user_is_never_listed(name: str) -> None:
    assert not channel.is_allowed(name, "")


def test_a_personal_channel_is_open_to_its_user_alone() -> None:
    assert channel.personal("42") == "#42"
    assert channel.personal("auth0:42", namespace="inbox") == "inbox:#auth0:42"
    assert channel.is_allowed(channel.personal("auth0:42", namespace="inbox"), "auth0:42")


@pytest.mark.parametrize("user", ["", "a,b", "a#b"])
def test_a_user_whose_id_would_open_the_channel_to_others_has_none(user: str) -> None:
    assert not channel.is_nameable(user)
    with pytest.raises(InvalidRequest, match="use an id without"):
        channel.personal(user)


def test_a_name_of_255_bytes_is_valid_and_a_longer_one_is_a_bad_request() -> None:
    longest = "é" * 127 + "x"
    channel.check_channel(longest)
    assert channel.is_valid(longest)
    for name in (longest + "x", "a" * 256):
        assert not channel.is_valid(name)
        with pytest.raises(ReplyError) as raised:
            channel.check_channel(name)
        assert raised.value.error is ERROR_BAD_REQUEST


@pytest.mark.parametrize("name", ["a\nb", "a\x00", "a\u2028b", "a\u202eb"])
def test_a_name_with_unprintable_characters_is_a_bad_request(name: str) -> None:
    assert not channel.is_valid(name)
    with pytest.raises(ReplyError) as raised:
        channel.check_channel(name)
    assert raised.value.error is ERROR_BAD_REQUEST


def test_a_missing_channel_ends_the_connection() -> None:
    assert not channel.is_valid("")
    with pytest.raises(ProtocolDisconnect) as raised:
        channel.check_channel("")
    assert raised.value.disconnect is DISCONNECT_BAD_REQUEST
