"""
What the HTTP interface of the contract does, over DynamoDB and S3. Nothing is sent from here: rows are stored, and their streams go on.
"""

import hmac
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import msgspec

from avance.apps.ocr import replies
from avance.apps.ocr.asked import (
    Item,
    check_asked,
    check_name,
    new_document,
    read_asked,
    read_wanted,
)
from avance.apps.ocr.aws.asked import Answer, Asked, Caller, answered, led_to
from avance.apps.ocr.aws.documents import Documents
from avance.apps.ocr.aws.files import Files
from avance.apps.ocr.aws.listing import Row, listed, rows_of
from avance.apps.ocr.aws.settings import AwsSettings, check_engine
from avance.apps.ocr.errors import BadDocument, DocumentUnknown, NotAuthentic
from avance.apps.ocr.model import Document
from avance.apps.ocr.reviewing import read_review
from avance.apps.ocr.signing import is_signed, request_token
from avance.apps.ocr.spelling import names, required, text_of
from avance.apps.ocr.told import of_callback, of_notice
from avance.errors import PermissionDenied

TESTS_AT_ONCE = 100
LINK, FILE = "link", "file"
"""Where a document's file is: at its own address, or in the bucket."""


class Desk:
    def __init__(self, settings: AwsSettings) -> None:
        self._settings = settings
        self._documents = Documents(settings)
        self._files = Files(settings)

    # Submitting

    def process(self, asked: Asked) -> Answer:
        request_id, documents = self._taken(asked)
        data = {"success": True, **replies.taken(request_id, documents)}
        return answered({"success": True, "data": data})

    def process_admin(self, asked: Asked) -> Answer:
        request_id, documents = self._taken(asked)
        return answered(replies.taken_in_camel_case(request_id, documents))

    def process_platform(self, asked: Asked) -> Answer:
        request_id, documents = self._taken(asked)
        return answered(replies.taken_of_platform(request_id, documents), 202)

    def _taken(self, asked: Asked) -> tuple[str, list[Document]]:
        said = read_asked(asked.json())
        return self._store(
            asked.caller, said.items, said.owner_user_name, said.url_response, kind=LINK
        )

    def places(self, asked: Asked) -> Answer:
        """
        Take files that a browser puts into the bucket itself: each is sent to the engine as soon as it is there.
        """
        who, given = asked.caller, names(asked.json())
        files = given.get("files")
        if not isinstance(files, list) or not files:
            raise BadDocument("files is missing: a list of objects with file_name", field="files")
        items = [_file_item(one, is_test=given.get("is_test") is True) for one in files]
        owner = text_of(given, "owner_user_name", chars_max=255) or who.user
        url = text_of(given, "url_response")
        request_id, documents = self._store(who, items, owner, url, kind=FILE)
        ocr = self._settings.ocr
        told = {"success": True, **replies.taken(request_id, documents)}
        for entry, item in zip(told["documents"], items, strict=True):
            entry["upload"] = self._files.place(
                str(item.blob_key), bytes_max=ocr.file_bytes_max, ttl_s=ocr.link_ttl_s
            )
        return answered({"success": True, "data": told})

    def _store(
        self, who: Caller, items: Sequence[Item], owner: str, url: str | None, *, kind: str
    ) -> tuple[str, list[Document]]:
        check_engine(self._settings)
        check_asked(tuple(items), url, self._settings.ocr)
        request_id, now_ms = str(uuid4()), time.time_ns() // 1_000_000
        beside: dict[str, Any] = {
            "source": kind,
            "deadlineMs": now_ms + round(self._settings.ocr.answer_limit_s * 1000),
        }
        if url is not None:
            beside["urlResponse"] = url
        documents = [
            new_document(one, owner_user_name=owner, request_id=request_id, now_ms=now_ms)
            for one in items
        ]
        rows = [
            (document, {**beside, "isTest": item.is_test})
            for document, item in zip(documents, items, strict=True)
        ]
        self._documents.add(rows, who.user)
        return request_id, documents

    # Reading

    def find(self, asked: Asked, document_id: str) -> Answer:
        return answered({"success": True, "data": _body(self._seen(asked, document_id))})

    def list(self, asked: Asked) -> Answer:
        wanted = read_wanted(asked.query)
        rows, cursor = listed(
            self._documents,
            asked.caller,
            status=wanted.status,
            limit=wanted.limit,
            cursor=wanted.cursor,
        )
        body: dict[str, Any] = {"success": True, "data": [_body(one) for one in rows]}
        if cursor is not None:
            body["cursor"] = cursor
        return answered(body)

    def history(self, asked: Asked, document_id: str) -> Answer:
        row = self._seen(asked, document_id)
        entries = [msgspec.Raw(one.encode()) for one in row.get("history", [])]
        return answered({"success": True, "data": entries})

    def file(self, asked: Asked, document_id: str) -> Answer:
        row = self._seen(asked, document_id)
        if row.get("source") == FILE:
            return led_to(self._files.link(key_of(document_id), self._settings.ocr.link_ttl_s))
        return led_to(msgspec.json.decode(row["body"], type=Document).file_url)

    # Changing

    def review(self, asked: Asked, document_id: str) -> Answer:
        self._seen(asked, document_id)
        said, author = read_review(asked.json()), asked.caller.user
        row = self._documents.change(
            document_id, lambda now: said.applied(now, author), author=author, what=said.what
        )
        return answered({"success": True, "data": _body(row)})

    def delete(self, asked: Asked, document_id: str) -> Answer:
        self._remove(self._seen(asked, document_id))
        return answered({"success": True, "message": f"Document {document_id} deleted"})

    def cleanup(self, asked: Asked) -> Answer:
        rows = [
            one
            for one in rows_of(self._documents, asked.caller, limit=TESTS_AT_ONCE)
            if one.get("isTest")
        ]
        for row in rows:
            self._remove(row)
        return answered({"success": True, "deleted": len(rows)})

    def _remove(self, row: Row) -> None:
        # The row first: what fails between the two leaves a file that nobody sees.
        self._documents.remove(str(row["id"]))
        if row.get("source") == FILE:
            self._files.remove(key_of(str(row["id"])))

    def notify(self, asked: Asked) -> Answer:
        if not asked.caller.is_trusted:
            raise PermissionDenied("this needs the role sender", code="role_missing", role="sender")
        said = of_notice(asked.json())
        self._documents.change(
            said.document_id,
            said.applied,
            final_sha256=said.sha256 if said.status.is_final else None,
        )
        return answered({"message": "Notification sent", "documentId": said.document_id})

    def callback(self, asked: Asked) -> Answer:
        """
        The engine's answer: authentic by its signature, or by the token of the request.
        """
        secret = check_engine(self._settings)
        has_signature = is_signed(
            secret,
            asked.headers,
            asked.body,
            now_s=time.time_ns() // 1_000_000_000,
            age_s_max=self._settings.ocr.signature_age_s,
        )
        token = asked.query.get("token")
        if not has_signature and not token:
            raise NotAuthentic("the callback has neither a signature nor the token of its request")
        changed = []
        for said in of_callback(asked.json()):
            if not has_signature:
                self._check_token(secret, said.document_id, token or "")
            row = self._documents.change(
                said.document_id,
                said.applied,
                final_sha256=said.sha256 if said.status.is_final else None,
            )
            changed.append(row)
        told = [(str(row["id"]), str(row["status"])) for row in changed]
        return answered(replies.called_back(told))

    def _check_token(self, secret: str, document_id: str, token: str) -> None:
        row = self._documents.find(document_id)
        document = None if row is None else msgspec.json.decode(row["body"], type=Document)
        if document is None or not hmac.compare_digest(
            request_token(secret, document.request_id).encode(), token.encode()
        ):
            # Whether there is such a document is nothing to learn without the right token.
            raise NotAuthentic("the token is not that of this document's request")

    def _seen(self, asked: Asked, document_id: str) -> Row:
        row = self._documents.find(document_id)
        if row is None or not asked.caller.may_see(row["owner"]):
            raise DocumentUnknown(f"there is no document {document_id[:80]}")
        return row


def key_of(document_id: str) -> str:
    """
    Where the bucket has the file of a document.
    """
    return f"files/{document_id}"


def document_of(key: str) -> str:
    return key.removeprefix("files/")


def _file_item(value: Any, *, is_test: bool) -> Item:
    if not isinstance(value, dict):
        raise BadDocument("an entry of files is no object")
    name = required(names(value), "file_name", chars_max=255)
    check_name(name)
    document_id = str(uuid4())
    return Item(id=document_id, file_name=name, blob_key=key_of(document_id), is_test=is_test)


def _body(row: Mapping[str, Any]) -> msgspec.Raw:
    return msgspec.Raw(str(row["body"]).encode())
