"""
Who gets in: credentials, roles, rates, origins, hosts.
"""

from collections.abc import Callable
from typing import Any

import pytest

from avance.edge.http import HttpLimits

Problem = Callable[[Any], dict[str, Any]]
SUBMIT = {"task": "demo.add", "params": {"a": 1}}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/jobs"),
        ("POST", "/v1/jobs"),
        ("GET", "/v1/tasks"),
        ("POST", "/v1/tokens"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/asyncapi.json"),
        ("GET", "/nothing"),
        ("GET", "/health/"),
        ("GET", "/health/../v1/jobs"),
        ("GET", "/console/../v1/jobs"),
        ("GET", "/docs/openapi"),
    ],
)
async def test_without_credentials_everything_is_401(
    site, problem: Problem, method: str, path: str
) -> None:
    async with site() as here:
        answer = await here.client.request(method, path)
        assert (answer.status_code, problem(answer)["code"]) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/health", "/ready", "/docs", "/docs/sockets", "/docs/page.js"])
async def test_health_and_static_files_need_no_credentials(site, path: str) -> None:
    async with site() as here:
        assert (await here.client.get(path)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer x.y.z"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer"},
        {"X-API-Key": "wrong"},
        {"X-API-Key": "key-an\xe4".encode("latin-1").decode("latin-1")},
    ],
)
async def test_bad_credentials_are_401(site, problem: Problem, headers: dict[str, str]) -> None:
    async with site() as here:
        encoded = {name: value.encode("latin-1") for name, value in headers.items()}
        answer = await here.client.get("/v1/jobs", headers=encoded)
        assert answer.status_code == 401
        problem(answer)


async def test_every_way_to_bring_credentials_works(site) -> None:
    async with site() as here:
        token = here.auth.issue("ana", ttl_s=60)
        for headers, query in (
            ({"X-API-Key": "key-ana"}, ""),
            ({"Authorization": f"Bearer {token}"}, ""),
            ({"Authorization": "apikey key-ana"}, ""),
            ({}, f"?token={token}"),
        ):
            answer = await here.client.get(f"/v1/jobs{query}", headers=headers)
            assert answer.status_code == 200, answer.text


async def test_a_long_lived_token_is_refused_in_a_query(site, problem: Problem) -> None:
    async with site() as here:
        token = here.auth.issue("ana", ttl_s=3_600)
        answer = await here.client.get(f"/v1/jobs?token={token}")
        assert problem(answer)["code"] == "query_token_too_long"


async def test_an_expired_token_is_told_from_a_bad_one(site, problem: Problem) -> None:
    async with site() as here:
        headers = here.bearer("ana", ttl_s=60)
        here.clock.advance(120)
        answer = await here.client.get("/v1/jobs", headers=headers)
        assert (answer.status_code, problem(answer)["code"]) == (401, "token_expired")


@pytest.mark.parametrize("is_in_query", [False, True])
async def test_guesses_from_one_address_are_limited_and_good_keys_pass(
    site, problem: Problem, is_in_query: bool
) -> None:
    async with site(limits=HttpLimits(refusals_per_minute_address=3)) as here:

        async def guess() -> Any:
            if is_in_query:
                return await here.client.get("/v1/jobs?token=guess")
            return await here.client.get("/v1/jobs", headers={"X-API-Key": "guess"})

        for _ in range(3):
            assert (await guess()).status_code == 401
        answer = await guess()
        assert (answer.status_code, problem(answer)["code"]) == (429, "rate_limited")
        assert int(answer.headers["retry-after"]) >= 1
        good = await here.client.get("/v1/jobs", headers=here.as_user("ana"))
        assert good.status_code == 200
        here.clock.advance(60)
        assert (await guess()).status_code == 401


async def test_starting_work_is_limited_for_each_user_but_not_for_senders(
    site, problem: Problem
) -> None:
    async with site(limits=HttpLimits(starts_per_minute=2)) as here:
        await here.submit("ana")
        await here.submit("ana")
        answer = await here.client.post("/v1/jobs", json=SUBMIT, headers=here.as_user("ana"))
        assert (answer.status_code, problem(answer)["code"]) == (429, "rate_limited")
        assert answer.headers["retry-after"] == "30"
        await here.submit("bob")
        for _ in range(5):
            await here.submit("mail")
        assert (await here.client.get("/v1/jobs", headers=here.as_user("ana"))).status_code == 200
        here.clock.advance(30)
        await here.submit("ana")


async def test_open_mode_has_no_rate_limit_and_everybody_is_dev(site) -> None:
    async with site(mode="open", limits=HttpLimits(starts_per_minute=1)) as here:
        for _ in range(3):
            answer = await here.client.post("/v1/jobs", json=SUBMIT)
            assert answer.status_code == 200
            assert answer.json()["owner"] == "dev"
        assert len((await here.client.get("/v1/jobs")).json()["jobs"]) == 3


async def test_open_mode_ignores_keys_that_nobody_knows_but_not_bad_tokens(site) -> None:
    async with site(mode="open") as here:
        answer = await here.client.get("/v1/jobs", headers={"X-API-Key": "whatever"})
        assert answer.status_code == 200
        answer = await here.client.get("/v1/jobs", headers={"Authorization": "Bearer whatever"})
        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("host", "is_let_in"),
    [
        ("127.0.0.1:8030", True),
        ("localhost:8030", True),
        ("localhost", True),
        ("[::1]:8030", True),
        ("app.localhost:3000", True),
        ("evil.example:8030", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("evil.example@127.0.0.1", False),
        ("127.0.0.1:8030/x", False),
        ("0.0.0.0:8030", False),
        ("192.168.1.5:8030", False),
        ("", False),
        ("[::1", False),
        ("localhost:port", False),
    ],
)
async def test_in_open_mode_the_host_must_be_a_loopback_name(
    site, problem: Problem, host: str, is_let_in: bool
) -> None:
    async with site(mode="open") as here:
        answer = await here.client.get("/v1/jobs", headers={"Host": host})
        assert (answer.status_code == 200) is is_let_in, answer.text
        if not is_let_in:
            assert problem(answer)["code"] == "host_refused"


@pytest.mark.parametrize(
    ("headers", "is_let_in"),
    [
        ({}, True),
        ({"Origin": "http://127.0.0.1:8030"}, True),
        ({"Origin": "http://localhost:3030"}, True),
        ({"Origin": "https://listed.example"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "http://localhost.evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "file://"}, False),
        ({"Origin": "http://127.0.0.1@evil.example"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
    ],
)
async def test_in_open_mode_foreign_pages_change_nothing(
    site, problem: Problem, headers: dict[str, str], is_let_in: bool
) -> None:
    async with site(mode="open", origins=("https://listed.example",)) as here:
        answer = await here.client.post("/v1/jobs", json=SUBMIT, headers=headers)
        assert (answer.status_code == 200) is is_let_in, answer.text
        if not is_let_in:
            assert problem(answer)["code"] == "origin_refused"
            assert (await here.client.get("/v1/jobs")).json()["jobs"] == []


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""],
)
async def test_a_form_is_not_taken_for_json(site, problem: Problem, content_type: str) -> None:
    async with site(mode="open") as here:
        answer = await here.client.post(
            "/v1/jobs", content=b'{"task":"demo.add"}', headers={"Content-Type": content_type}
        )
        assert (answer.status_code, problem(answer)["code"]) == (415, "unsupported_media_type")


async def test_a_listed_page_may_read_the_answers_and_another_may_not(site) -> None:
    async with site(origins=("https://listed.example",)) as here:
        asked = {
            "Origin": "https://listed.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        preflight = await here.client.options("/v1/jobs", headers=asked)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == "https://listed.example"
        answer = await here.client.get("/v1/jobs", headers={"Origin": "https://listed.example"})
        assert answer.status_code == 401
        assert answer.headers["access-control-allow-origin"] == "https://listed.example"
        answer = await here.client.get("/v1/jobs", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in answer.headers


async def test_answers_carry_the_headers_that_keep_browsers_careful(site) -> None:
    async with site() as here:
        for path, policy in (("/v1/jobs", "default-src 'none'"), ("/docs", "default-src 'self'")):
            answer = await here.client.get(path, headers=here.as_user("ana"))
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["content-security-policy"].startswith(policy)
        assert (await here.client.get("/v1/jobs", headers=here.as_user("ana"))).headers[
            "cache-control"
        ] == "no-store"


async def test_metrics_are_for_admins(site, problem: Problem) -> None:
    async with site() as here:
        answer = await here.client.get("/metrics", headers=here.as_user("ana"))
        assert (answer.status_code, problem(answer)["code"]) == (403, "role_missing")
        assert (await here.client.get("/metrics", headers=here.as_user("root"))).status_code == 200


@pytest.mark.parametrize(
    ("peer", "mode", "hosts", "is_let_in"),
    [
        ("127.0.0.1", "open", (), True),
        ("::1", "open", (), True),
        ("testclient", "open", (), True),
        ("192.168.1.9", "open", (), False),
        ("2001:db8::1", "open", (), False),
        ("192.168.1.9", "open", ("*",), True),
        ("192.168.1.9", "token", (), True),
    ],
)
async def test_in_open_mode_the_caller_must_be_on_this_machine(
    site, problem: Problem, peer: str, mode: str, hosts: tuple[str, ...], is_let_in: bool
) -> None:
    """A mounted app has no bind of its own to check, and a Host header is quickly invented."""
    async with site(mode=mode, peer=peer, hosts=hosts) as here:
        answer = await here.client.get("/v1/jobs", headers={"X-API-Key": "key-ana"})
        assert (answer.status_code == 200) is is_let_in
        if not is_let_in:
            assert problem(answer)["code"] == "peer_refused"


async def test_with_any_host_allowed_the_server_is_called_by_any_name(site) -> None:
    async with site(mode="open", hosts=("*",)) as here:
        answer = await here.client.get("/v1/jobs", headers={"Host": "nas.local:8030"})
        assert answer.status_code == 200
