"""
The list of jobs names an optimization in the language of whoever started it. docs/contract/routes.md, 3.1.
"""

import msgspec
import pytest

from avance.apps.routes.language import preferred
from avance.apps.routes.sample import sample_day

from .conftest import Site

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "es"),
        ("en-GB,en;q=0.9,es;q=0.8", "en"),
        ("es-ES,es;q=0.9,en;q=0.8", "es"),
        ("fr, en;q=0.4, es;q=0.7", "es"),
        ("de;q=0.9, en;q=0.5", "en"),
        ("gl", "es"),
        ("en;q=0", "es"),
        ("en;q=much, es;q=0.1", "es"),
    ],
)
def test_the_language_is_the_one_of_ours_that_the_browser_prefers(
    header: str, language: str
) -> None:
    assert preferred(header) == language


@pytest.mark.parametrize(
    ("query", "header", "title"),
    [
        ({}, "es-ES,es;q=0.9", "2 rutas"),
        ({}, "en-GB,en;q=0.9", "2 routes"),
        ({"lang": "en"}, "es", "2 routes"),
        ({"lang": "es"}, "en", "2 rutas"),
    ],
)
async def test_the_title_of_a_job_is_in_the_language_that_was_asked_for(
    site: Site, query: dict[str, str], header: str, title: str
) -> None:
    body = msgspec.json.encode(sample_day(2))
    headers = {"accept-language": header}
    async with site.client as client:
        started = await client.post("/optimize-async", content=body, params=query, headers=headers)
        job_id = started.json()["job_id"]
        await site.ended(job_id)
        again = await client.post(
            f"/jobs/{job_id}/what-if", content=b"{}", params=query, headers=headers
        )
    titles = [
        (await site.get(f"/v1/jobs/{one}")).json()["title"]
        for one in (job_id, again.json()["job_id"])
    ]
    assert titles == [title, f"{title} ({'variante' if 'rutas' in title else 'variant'})"]
