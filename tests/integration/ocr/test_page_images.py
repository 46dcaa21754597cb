"""
Pages to look at: a PNG of each, which the places of words fit. docs/contract/ocr.md, 3.4.
"""

import io
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
from node_service import Node
from PIL import Image
from tests.integration.ocr.conftest import ended, uploaded
from tests.integration.ocr.paper import LETTER, digital_pdf, drawn, packed, scanned_pdf

from avance.apps.ocr.shown import PIXELS_MAX

SECOND = ("the second page", "has lines of its own", "and they are few")


def image_path(document: str, number: object) -> str:
    return f"/api/ocr/document/{document}/pages/{number}/image"


async def picture(http: httpx.AsyncClient, document: str, number: int) -> Image.Image:
    answer = await http.get(image_path(document, number))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    image = Image.open(io.BytesIO(answer.content))
    assert image.format == "PNG"
    return image


def ink_in_words(image: Image.Image, page: dict[str, Any]) -> float:
    """
    Which part of the dark pixels lies in the boxes of words.
    """
    dark = np.asarray(image.convert("L")) < 128
    covered = np.zeros(dark.shape, dtype=bool)
    across, down = image.width / page["width"], image.height / page["height"]
    for word in page["words"]:
        rows = slice(int(word["top"] * down) - 2, int(word["bottom"] * down) + 3)
        columns = slice(int(word["left"] * across) - 2, int(word["right"] * across) + 3)
        covered[rows, columns] = True
    return float((dark & covered).sum() / dark.sum())


async def test_each_page_of_a_pdf_and_of_a_tiff_is_a_picture_that_its_words_fit(
    http: httpx.AsyncClient,
) -> None:
    tiff = packed(drawn(LETTER), "TIFF", save_all=True, append_images=[drawn(SECOND)])
    ids = await uploaded(http, ("two.pdf", scanned_pdf(LETTER, SECOND)), ("two.tif", tiff))
    for document in ids:
        assert (await ended(http, document))["pages"] == 2
        pages = (await http.get(f"/api/ocr/document/{document}/pages")).json()["data"]
        for page in pages:
            image = await picture(http, document, page["number"])
            assert image.width * image.height <= PIXELS_MAX
            assert image.width / image.height == pytest.approx(
                page["width"] / page["height"], rel=0.01
            )
            assert ink_in_words(image, page) > 0.95
    for number in (0, 3, "x", "-1", "1e1", "9999999"):
        missing = await http.get(image_path(ids[0], number))
        assert missing.status_code == 404, missing.text
        assert missing.json()["code"] == "ocr_page_not_found"


async def test_a_page_that_was_read_upside_down_is_shown_upright(http: httpx.AsyncClient) -> None:
    body = packed(drawn(LETTER).rotate(180))
    [document] = await uploaded(http, ("turned.png", body))
    await ended(http, document)
    [page] = (await http.get(f"/api/ocr/document/{document}/pages")).json()["data"]
    assert page["turned"] == 180
    assert ink_in_words(await picture(http, document, 1), page) > 0.95


async def test_a_large_page_is_shown_smaller_and_a_bomb_not_at_all(http: httpx.AsyncClient) -> None:
    large = Image.new("L", (2_500, 1_800), 255)
    large.paste(drawn(LETTER), (0, 0))
    ids = await uploaded(
        http, ("large.png", packed(large)), ("long.png", packed(Image.new("L", (31_000, 9), 255)))
    )
    for document in ids:
        await ended(http, document)
    image = await picture(http, ids[0], 1)
    assert 0.9 * PIXELS_MAX < image.width * image.height <= PIXELS_MAX
    refused = await http.get(image_path(ids[1], 1))
    assert refused.status_code == 400
    assert refused.json()["code"] == "document_too_large"


async def test_a_picture_is_kept_until_its_document_goes(http: httpx.AsyncClient) -> None:
    [document] = await uploaded(http, ("note.pdf", digital_pdf("A note with a few words in it")))
    await ended(http, document)
    first = await http.get(image_path(document, 1))
    again = await http.get(
        image_path(document, 1), headers={"if-none-match": first.headers["etag"]}
    )
    assert again.status_code == 304
    assert (await http.get(image_path(document, 1))).content == first.content
    assert (await http.delete(f"/api/ocr/delete/{document}")).status_code == 200
    assert (await http.get(image_path(document, 1))).status_code == 404


async def test_a_strangers_page_is_as_if_it_were_not_there(guarded: Node) -> None:
    async with httpx.AsyncClient(base_url=guarded.url, timeout=60) as http:
        [document] = await uploaded(
            http, ("note.pdf", digital_pdf("A note with a few words in it")), key="ana-key"
        )
        await ended(http, document, **{"X-API-Key": "ana-key"})
        for key, status in (("ana-key", 200), ("ben-key", 404), ("root-key", 200)):
            answer = await http.get(image_path(document, 1), headers={"X-API-Key": key})
            assert answer.status_code == status, answer.text
        assert (await http.get(image_path(document, 1))).status_code == 401


async def test_a_start_names_the_jobs_to_follow_beside_the_bodies_of_the_contract(
    http: httpx.AsyncClient,
) -> None:
    """The job of each document, in the order of the answer, which has no further key."""
    files = [("files[]", (f"{n}.pdf", digital_pdf(f"Note number {n} of two"))) for n in (1, 2)]
    answer = await http.post("/api/ocr/upload", files=files)
    told = answer.json()
    assert set(told) == {"success", "data"}
    assert set(told["data"]) == {"success", "requestId", "documents", "message"}
    jobs = answer.headers["X-Job-Ids"].split(",")
    assert len(jobs) == 2
    for job, one in zip(jobs, told["data"]["documents"], strict=True):
        assert set(one) == {"id", "platform_document_id", "status"}
        document = (await http.get(f"/api/ocr/document/{one['id']}")).json()["data"]
        assert document["jobId"] == job
        assert (await http.get(f"/v1/jobs/{job}")).status_code == 200
