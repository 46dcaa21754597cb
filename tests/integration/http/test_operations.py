"""
What an operator and the console ask the server about itself.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx2 as httpx

Open = Callable[..., AbstractAsyncContextManager[Any]]
Problem = Callable[[httpx.Response], dict[str, Any]]


async def test_apps_are_told_by_name_so_that_a_page_offers_only_what_is_there(site: Open) -> None:
    async with site(services={"apps": {"routes": "1.2.3", "ocr": "1.2.3"}}) as here:
        answer = await here.client.get("/v1/apps", headers=here.as_user("ana"))
    assert answer.json() == {
        "apps": [{"name": "ocr", "version": "1.2.3"}, {"name": "routes", "version": "1.2.3"}]
    }


async def test_a_stranger_does_not_learn_which_apps_there_are(site: Open, problem: Problem) -> None:
    async with site(services={"apps": {"routes": "1.2.3"}}) as here:
        answer = await here.client.get("/v1/apps")
    assert answer.status_code == 401
    assert "routes" not in problem(answer)["detail"]


async def test_a_page_learns_who_its_user_is(site: Open) -> None:
    async with site() as here:
        answer = await here.client.get("/v1/me", headers=here.as_user("mail"))
    assert answer.json() == {"user": "mail", "role": "sender", "tenant": None, "is_open": False}
    async with site(mode="open") as here:
        answer = await here.client.get("/v1/me")
    assert answer.json() == {"user": "dev", "role": "admin", "tenant": None, "is_open": True}
