"""
What a request for documents says, in all its spellings.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from avance.apps.ocr.errors import BadDocument
from avance.apps.ocr.frames import iso_z
from avance.apps.ocr.model import Document, Status
from avance.apps.ocr.outbound import check_url
from avance.apps.ocr.settings import OcrSettings
from avance.apps.ocr.spelling import fields_of, names, required, text_of

NAME_CHARS_MAX = 255
EXTENSIONS = (".pdf", ".jpg", ".jpeg", ".png", ".tiff", ".tif")
LIST_MAX = 200
_ID = re.compile(r"[^\s/?#\\][^\n\r\t/?#\\]{0,199}")


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """
    One document that is asked for.
    """

    id: str
    file_name: str
    file_url: str = ""
    blob_key: str | None = None
    is_test: bool = False
    expected: dict[str, Any] = {}


def new_document(item: Item, *, owner_user_name: str, request_id: str, now_ms: int) -> Document:
    """
    A document that waits to be read.
    """
    return Document(
        id=item.id,
        platform_document_id=item.id,
        file_name=item.file_name,
        file_url=item.file_url or f"/api/ocr/public-file/{item.id}",
        owner_user_name=owner_user_name,
        status=Status.PENDING,
        created_at=iso_z(now_ms),
        updated_at=iso_z(now_ms),
        request_id=request_id,
    )


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    owner_user_name: str
    url_response: str | None
    items: tuple[Item, ...]


def read_asked(body: Mapping[str, Any]) -> Asked:
    """
    Raises:
        BadDocument: The message names what is missing.
    """
    given = names(body)
    owner = required(given, "owner_user_name", chars_max=NAME_CHARS_MAX)
    documents = given.get("documents")
    if not isinstance(documents, list) or not documents:
        raise BadDocument("documents is missing: a list of files", field="documents")
    return Asked(
        owner_user_name=owner,
        url_response=text_of(given, "url_response"),
        items=tuple(_item(number, one) for number, one in enumerate(documents)),
    )


def _item(number: int, value: Any) -> Item:
    if not isinstance(value, dict):
        raise BadDocument(f"documents[{number}] is no object")
    given = names(value)
    try:
        return Item(
            id=_checked_id(required(given, "platform_document_id", chars_max=200)),
            file_name=required(given, "file_name", chars_max=NAME_CHARS_MAX),
            file_url=required(given, "file_url"),
            is_test=given.get("is_test") is True,
            expected=read_expected(given.get("expected")),
        )
    except BadDocument as error:
        raise BadDocument(f"documents[{number}]: {error.message}", number=number) from error


def _checked_id(text: str) -> str:
    if _ID.fullmatch(text) is None:
        raise BadDocument(f"platform_document_id {text[:60]!r} cannot stand in a path")
    return text


def read_expected(value: Any) -> dict[str, Any]:
    """
    What the owner says that a document is.
    """
    given = names(fields_of(value))
    wanted = {"documentType": "document_type", "rut": "rut", "name": "name"}
    found = {name: text_of(given, key, chars_max=255) for name, key in wanted.items()}
    return {name: text for name, text in found.items() if text is not None}


def check_asked(items: tuple[Item, ...], url_response: str | None, settings: OcrSettings) -> None:
    """
    Raises:
        BadDocument, AddressRefused: The message names what is wrong; nothing is to be taken.
    """
    _check_settings(settings)
    if not 1 <= len(items) <= settings.documents_max:
        raise BadDocument(
            f"documents has {len(items)} entries; 1 to {settings.documents_max} are taken at once"
        )
    if len({item.id for item in items}) < len(items):
        raise BadDocument("documents names the same platform_document_id twice")
    for item in items:
        check_name(item.file_name)
        if item.blob_key is None:
            check_url(item.file_url, settings.allowed_hosts)
    if url_response is not None:
        check_url(url_response, settings.allowed_hosts)


def check_name(file_name: str) -> None:
    """
    Raises:
        BadDocument: Files of that kind are not read.
    """
    if not file_name.lower().endswith(EXTENSIONS):
        raise BadDocument(
            f"file_name {file_name[:80]!r} is of no kind that is read; allowed: {', '.join(EXTENSIONS)}"
        )


def _check_settings(settings: OcrSettings) -> None:
    if settings.engine != "external":
        return
    missing = [
        name
        for name, value in (
            ("OCR_ORCHESTRATOR_URL", settings.orchestrator_url),
            ("CALLBACK_BASE_URL", settings.callback_base_url),
        )
        if not value
    ]
    if missing:
        raise BadDocument(
            f"the engine is external and {' and '.join(missing)} is not set", code="ocr_settings"
        )


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """
    Which part of a list.
    """

    status: Status | None
    """None: any."""
    limit: int
    cursor: str | None


def read_wanted(query: Mapping[str, str]) -> Wanted:
    """
    Raises:
        BadDocument: There is no such status, or it is too much at once.
    """
    status = query.get("status", "all")
    if status not in ("all", *Status):
        raise BadDocument(f"status is {status[:40]!r}; one of all, {', '.join(Status)}")
    limit = query.get("limit", "50")
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:6]) <= LIST_MAX):
        raise BadDocument(f"limit is {limit[:20]!r}; 1 to {LIST_MAX}")
    return Wanted(
        status=None if status == "all" else Status(status),
        limit=int(limit),
        cursor=query.get("cursor") or None,
    )
