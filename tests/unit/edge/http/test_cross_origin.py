"""
What pages of other origins are told: docs/contract/ocr.md, decision 13.
"""

import httpx2 as httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from avance.edge.http.cross_origin import CrossOrigin, offer_to_pages
from avance.edge.http.origin import OriginRules

LISTED = "https://app.example"
FOREIGN = "https://page.example"
OFFERED, OWN = "/offered/1", "/own"
SENT = ("X-Api-Key", "Content-Type")


def client(rules: OriginRules) -> httpx.AsyncClient:
    async def answer(_: Request) -> Response:
        return PlainTextResponse("told", headers={"Access-Control-Expose-Headers": "X-Job-Ids"})

    offered, own = APIRouter(), APIRouter()
    offered.add_api_route("/offered/{number}", answer, methods=["GET"])
    own.add_api_route("/own", answer, methods=["GET"])
    offer_to_pages(offered, SENT)
    app = FastAPI()
    for router in (offered, own):
        app.include_router(router)
    crossed = CrossOrigin(app, rules=rules, routers=[offered, own])
    transport = httpx.ASGITransport(crossed)
    return httpx.AsyncClient(transport=transport, base_url="http://server.example")


def asked(origin: str) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "x-api-key",
    }


async def test_what_an_app_offers_may_be_read_with_a_key_and_without_credentials() -> None:
    async with client(OriginRules(is_open=False)) as http:
        for answer in (
            await http.options(OFFERED, headers=asked(FOREIGN)),
            await http.get(OFFERED, headers={"Origin": FOREIGN}),
            await http.get(OFFERED),
        ):
            assert answer.status_code == 200
            assert answer.headers["access-control-allow-origin"] == "*"
            assert answer.headers["access-control-allow-headers"] == ", ".join(SENT)
            assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    ("rules", "path"),
    [
        (OriginRules(is_open=False), OWN),
        (OriginRules(is_open=False, origins=(LISTED,)), OFFERED),
        (OriginRules(is_open=True), OFFERED),
        (OriginRules(is_open=True, origins=(LISTED,)), OWN),
    ],
)
async def test_what_is_not_offered_shows_a_foreign_page_nothing(
    rules: OriginRules, path: str
) -> None:
    async with client(rules) as http:
        preflight = await http.options(path, headers=asked(FOREIGN))
        assert preflight.status_code == 400
        answer = await http.get(path, headers={"Origin": FOREIGN})
        for one in (preflight, answer):
            assert "access-control-allow-origin" not in one.headers
            assert "access-control-allow-credentials" not in one.headers


@pytest.mark.parametrize("path", [OFFERED, OWN])
async def test_a_listed_page_is_named_and_may_bring_credentials(path: str) -> None:
    async with client(OriginRules(is_open=False, origins=(LISTED,))) as http:
        for answer in (
            await http.options(path, headers=asked(LISTED)),
            await http.get(path, headers={"Origin": LISTED}),
        ):
            assert answer.status_code == 200
            assert answer.headers["access-control-allow-origin"] == LISTED
            assert answer.headers["access-control-allow-credentials"] == "true"
            assert "Origin" in answer.headers["vary"]
        assert answer.headers["access-control-expose-headers"] == "Retry-After, X-Job-Ids"


@pytest.mark.parametrize("path", [OFFERED, OWN])
async def test_credentials_never_stand_beside_the_star(path: str) -> None:
    async with client(OriginRules(is_open=False, origins=("*",))) as http:
        for answer in (
            await http.options(path, headers=asked(FOREIGN)),
            await http.get(path, headers={"Origin": FOREIGN, "Cookie": "a=b"}),
        ):
            assert answer.status_code == 200
            assert answer.headers["access-control-allow-origin"] in ("*", FOREIGN)
            assert "access-control-allow-credentials" not in answer.headers
