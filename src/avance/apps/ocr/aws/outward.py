"""
What goes out: documents to the engine, results to who asked for them; and the end of what the engine forgets.
"""

import logging
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import anyio
import msgspec

from avance.apps.ocr.aws.desk import FILE, LINK, document_of, key_of
from avance.apps.ocr.aws.documents import Documents
from avance.apps.ocr.aws.files import Files
from avance.apps.ocr.aws.settings import AwsSettings, check_engine, read_settings
from avance.apps.ocr.catalog import failed
from avance.apps.ocr.errors import DocumentDecided, DocumentUnknown
from avance.apps.ocr.external import answer_body, post, request_body, with_engine
from avance.apps.ocr.model import Change, Document, Status
from avance.apps.ocr.signing import request_token

Event = Mapping[str, Any]
log = logging.getLogger("avance.ocr.aws")
EXPIRED_AT_ONCE = 200


class Outward:
    """
    Made once for each container of a function.
    """

    def __init__(self, settings: AwsSettings) -> None:
        self._settings = settings
        self._documents = Documents(settings)
        self._files = Files(settings)

    def send(self, event: Event, _: object = None) -> None:
        """
        Called by the stream of documents: what has an address of its own goes to the engine at once.

        Raises:
            Unavailable: The engine is not there. The stream tries again, as often as deploy/aws/serverless.yml says.
        """
        for record in event["Records"]:
            image = record["dynamodb"].get("NewImage") or {}
            if record["eventName"] == "INSERT" and image.get("source", {}).get("S") == LINK:
                self._send(image["id"]["S"])

    def arrived(self, event: Event, _: object = None) -> None:
        """
        Called by the bucket: the file of a document is there.

        Raises:
            Unavailable: The engine is not there. Lambda tries again.
        """
        document_id = document_of(event["detail"]["object"]["key"])
        if self._documents.find(document_id) is None:
            # It was removed while its file was on the way.
            self._files.remove(key_of(document_id))
            return
        self._send(document_id)

    def answer(self, event: Event, _: object = None) -> None:
        """
        Called by the stream of documents: who named a `url_response` is told of the end, and of nothing later.

        Raises:
            Unavailable: It does not answer. The stream tries again.
        """
        for record in event["Records"]:
            image = record["dynamodb"].get("NewImage") or {}
            url = image.get("urlResponse", {}).get("S")
            ended, updated = (image.get(name, {}).get("N") for name in ("endedMs", "updatedMs"))
            if url and ended is not None and ended == updated:
                body = answer_body(
                    msgspec.json.decode(image["body"]["S"], type=Document), "external"
                )
                self._post(url, body, is_engine=False)

    def expire(self, _: Event, __: object = None) -> int:
        """
        Called by the clock: documents of which the engine has said nothing for too long are failed.
        """
        now_ms = time.time_ns() // 1_000_000
        overdue = [
            str(row["id"])
            for status in (Status.PENDING, Status.PROCESSING)
            for row in self._documents.oldest(status, EXPIRED_AT_ONCE)
            if row.get("deadlineMs", now_ms) < now_ms
        ]
        for document_id in overdue:
            self._change(document_id, failed("expired"))
        return len(overdue)

    def _send(self, document_id: str) -> None:
        secret, ocr = check_engine(self._settings), self._settings.ocr
        row = self._documents.find(document_id)
        document = None if row is None else msgspec.json.decode(row["body"], type=Document)
        if row is None or document is None or document.status is not Status.PENDING:
            return
        url = document.file_url
        if row["source"] == FILE:
            url = self._files.link(key_of(document_id), ocr.answer_limit_s)
        token = request_token(secret, document.request_id)
        owner = document.owner_user_name
        body = request_body(ocr, document.request_id, owner, token, [(document, url)])
        self._post(ocr.orchestrator_url or "", body, is_engine=True)
        self._change(document_id, with_engine)

    def _change(self, document_id: str, change: Change) -> None:
        try:
            self._documents.change(document_id, change)
        except (DocumentUnknown, DocumentDecided):
            # An engine may be quicker than its answer to the request, and an owner quicker than both.
            log.info("document %s has ended or gone meanwhile", document_id)

    def _post(self, url: str, body: dict[str, Any], *, is_engine: bool) -> None:
        now_s = time.time_ns() // 1_000_000_000
        anyio.run(partial(post, self._settings.ocr, url, body, now_s=now_s, is_engine=is_engine))


_made: dict[str, Outward] = {}


def _outward() -> Outward:
    if "one" not in _made:
        log.setLevel(logging.INFO)
        _made["one"] = Outward(read_settings())
    return _made["one"]


def send_document(event: Event, context: object) -> None:
    _outward().send(event, context)


def file_arrived(event: Event, context: object) -> None:
    _outward().arrived(event, context)


def answer_asker(event: Event, context: object) -> None:
    _outward().answer(event, context)


def expire_documents(event: Event, context: object) -> int:
    return _outward().expire(event, context)
