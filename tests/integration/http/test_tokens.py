"""
Making and revoking tokens over HTTP.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

Problem = Callable[[Any], dict[str, Any]]


async def claims_of(here: Any, token: str) -> dict[str, Any]:
    claims: dict[str, Any] = msgspec.json.decode((await here.auth.token(token)).claims)
    return claims


async def test_a_user_makes_a_short_token_for_itself(site) -> None:
    async with site() as here:
        answer = await here.client.post("/v1/tokens", headers=here.as_user("ana"))
        assert answer.status_code == 200, answer.text
        assert answer.json()["user"] == "ana"
        assert answer.json()["expires_at"] == "2026-01-01T00:15:00.000Z"
        headers = {"Authorization": f"Bearer {answer.json()['token']}"}
        assert (await here.client.get("/v1/jobs", headers=headers)).status_code == 200


async def test_own_channels_may_be_listed(site) -> None:
    async with site() as here:
        wanted = {"channels": ["jobs:#ana", "inbox:#ana"], "ttl_s": 60}
        answer = await here.client.post("/v1/tokens", json=wanted, headers=here.as_user("ana"))
        assert (await claims_of(here, answer.json()["token"]))["channels"] == wanted["channels"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"user": "bob"}, 403, "role_missing"),
        ({"role": "admin"}, 403, "role_missing"),
        ({"tenant": "north"}, 403, "role_missing"),
        ({"channels": ["jobs:#bob"]}, 403, "role_missing"),
        ({"channel": "topic:x"}, 403, "role_missing"),
        ({"ttl_s": 0}, 422, "invalid_request"),
        ({"ttl_s": 3_601}, 422, "invalid_ttl"),
        ({"ttl_s": 1e308}, 422, "invalid_ttl"),
        ({"role": "king"}, 422, "invalid_request"),
        ({"channels": ["jobs:#ana"] * 101}, 422, "invalid_request"),
    ],
)
async def test_a_user_cannot_make_more_than_itself(
    site, problem: Problem, body: dict[str, Any], status: int, code: str
) -> None:
    async with site() as here:
        answer = await here.client.post("/v1/tokens", json=body, headers=here.as_user("ana"))
        assert (answer.status_code, problem(answer)["code"]) == (status, code)


async def test_an_admin_makes_tokens_for_anybody(site) -> None:
    async with site() as here:
        wanted = {"user": "bob", "role": "sender", "tenant": "north", "channel": "topic:news"}
        answer = await here.client.post("/v1/tokens", json=wanted, headers=here.as_user("root"))
        claims = await claims_of(here, answer.json()["token"])
        assert {name: claims[name] for name in ("sub", "role", "tenant", "channel")} == {
            "sub": "bob",
            "role": "sender",
            "tenant": "north",
            "channel": "topic:news",
        }
        plain = await here.client.post(
            "/v1/tokens", json={"user": "bob"}, headers=here.as_user("root")
        )
        assert "role" not in await claims_of(here, plain.json()["token"])


async def test_a_revoked_token_is_refused_and_the_others_stay(site, problem: Problem) -> None:
    async with site() as here:
        bad, good = here.bearer("ana"), here.bearer("ana")
        token = bad["Authorization"].removeprefix("Bearer ")
        answer = await here.client.post("/v1/tokens/revoke", json={"token": token}, headers=good)
        assert answer.json() == {"revoked": True}
        refused = await here.client.get("/v1/jobs", headers=bad)
        assert (refused.status_code, problem(refused)["code"]) == (401, "revoked_token")
        assert (await here.client.get("/v1/jobs", headers=good)).status_code == 200
        assert [one.token_id is not None for one in here.revoked] == [True]


async def test_all_tokens_of_a_user_up_to_now_are_revoked(site) -> None:
    async with site() as here:
        old, foreign = here.bearer("ana"), here.bearer("bob")
        answer = await here.client.post(
            "/v1/tokens/revoke", json={"user": "ana"}, headers=here.as_user("ana")
        )
        assert answer.status_code == 200
        here.clock.advance(0.001)
        new = here.bearer("ana")
        statuses = [
            (await here.client.get("/v1/jobs", headers=headers)).status_code
            for headers in (old, new, foreign)
        ]
        assert statuses == [401, 200, 200]
        assert [one.user for one in here.revoked] == ["ana"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"user": "bob"}, 403),
        ({"token_id": "x"}, 403),
        ({"user": "ana", "token_id": "x"}, 422),
        ({"token": "nonsense"}, 401),
    ],
)
async def test_a_user_revokes_only_its_own(
    site, problem: Problem, body: dict[str, Any], status: int
) -> None:
    async with site() as here:
        answer = await here.client.post("/v1/tokens/revoke", json=body, headers=here.as_user("ana"))
        assert answer.status_code == status, answer.text
        problem(answer)


async def test_the_token_of_somebody_else_is_not_found(site, problem: Problem) -> None:
    async with site() as here:
        token = here.bearer("bob")["Authorization"].removeprefix("Bearer ")
        answer = await here.client.post(
            "/v1/tokens/revoke", json={"token": token}, headers=here.as_user("ana")
        )
        assert (answer.status_code, problem(answer)["code"]) == (404, "token_not_found")
