from base64 import b64encode

import msgspec
import pytest

from avance.errors import Unauthenticated
from avance.protocol.claims import (
    ConnectClaims,
    Flag,
    Override,
    SubscribeClaims,
    SubscriptionClaims,
    connect_claims,
    subscribe_claims,
)


def test_claims_are_read_from_the_bytes_of_a_token_and_from_a_decoded_one() -> None:
    plain = {"sub": "42", "role": "admin", "tenant": "acme", "exp": 1_900_000_000, "info": {"n": 1}}
    expected = ConnectClaims(
        sub="42", role="admin", tenant="acme", exp=1_900_000_000, info=b'{"n":1}'
    )
    assert connect_claims(plain) == expected
    assert connect_claims(msgspec.json.encode(plain)) == expected


def test_claims_that_are_not_ours_are_ignored() -> None:
    assert connect_claims(b'{"sub":"42","azp":{"x":1}}') == ConnectClaims(sub="42")


def test_a_connection_token_lists_its_server_side_subscriptions() -> None:
    claims = connect_claims(
        b'{"sub":"42","channels":["a"],"subs":{"b":{"info":{"x":1},"data":[1],'
        b'"override":{"presence":{"value":true},"force_recovery":{"value":false}}}},"meta":{"k":1}}'
    )
    assert claims.channels == ["a"]
    assert claims.meta == b'{"k":1}'
    assert claims.subs == {
        "b": SubscriptionClaims(
            info=b'{"x":1}',
            data=b"[1]",
            override=Override(presence=Flag(value=True), force_recovery=Flag(value=False)),
        )
    }


def test_base64_claims_stand_for_their_twins() -> None:
    encoded = b64encode(b'{ "x" : 1 }').decode()
    assert connect_claims({"b64info": encoded}).info == b'{"x":1}'
    claims = subscribe_claims({"channel": "c", "b64info": encoded, "b64data": encoded})
    assert (claims.info, claims.data) == (b'{"x":1}', b'{"x":1}')


def test_info_is_brought_onto_one_line() -> None:
    assert connect_claims(b'{"info":{\n  "a": 1\r\n}}').info == b'{"a":1}'


@pytest.mark.parametrize(
    ("exp", "expire_at", "expires_at_s"),
    [(None, None, None), (100, None, 100), (100.9, None, 100), (100, 0, None), (100, 200, 200)],
)
def test_expire_at_overrides_exp_and_zero_is_never(
    exp: float | None, expire_at: float | None, expires_at_s: int | None
) -> None:
    assert ConnectClaims(exp=exp, expire_at=expire_at).expires_at_s == expires_at_s
    assert SubscribeClaims(exp=exp, expire_at=expire_at).expires_at_s == expires_at_s


def test_a_subscription_token_names_its_channel_user_and_client() -> None:
    claims = subscribe_claims(b'{"sub":"42","channel":"job:7","client":"c1","exp":5,"aud":["x"]}')
    assert (claims.sub, claims.channel, claims.client, claims.aud) == ("42", "job:7", "c1", ["x"])


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b'{"sub":42}',
        b'{"sub":"a","exp":"soon"}',
        b'{"channels":"a"}',
        b'{"subs":{"a":7}}',
        b'{"b64info":"###"}',
        b'{"b64info":"//8="}',
        b'{"b64info":"YWJj"}',
        b'{"info":"\xff"}',
    ],
)
def test_a_claim_of_a_wrong_type_makes_the_token_invalid(payload: bytes) -> None:
    with pytest.raises(Unauthenticated, match="unusable claim") as raised:
        connect_claims(payload)
    assert raised.value.code == "invalid_token"


def test_a_subscription_token_with_a_wrong_type_is_invalid_too() -> None:
    with pytest.raises(Unauthenticated):
        subscribe_claims(b'{"channel":7}')
