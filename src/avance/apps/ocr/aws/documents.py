"""
Documents in DynamoDB. A change is written where nobody has changed the row meanwhile; lists are read from an index.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from avance.apps.ocr.aws.connections import ADMINS
from avance.apps.ocr.aws.ends import dynamodb
from avance.apps.ocr.aws.settings import AwsSettings
from avance.apps.ocr.errors import DocumentDecided, DocumentUnknown
from avance.apps.ocr.frames import iso_z
from avance.apps.ocr.model import Change, Document, Status, changed
from avance.apps.ocr.reviewing import changed_parts
from avance.errors import Conflict, TooLarge, Unavailable

BY_STATUS = "status-createdAt-index"
BY_OWNER = "owner-createdAt-index"
RECENT_S = 300
RECENT_MAX = 100
ATTEMPTS = 8
"""A change that meets another one is tried again so often."""
BODY_BYTES_MAX = 350_000
"""A row of DynamoDB holds 400 KB, its history and keys included."""
HISTORY_BYTES_MAX = 32_768
"""The newest entries are kept."""


class Documents:
    def __init__(self, settings: AwsSettings) -> None:
        self._table = dynamodb(settings).Table(settings.documents)

    def find(self, document_id: str) -> Mapping[str, Any] | None:
        found = self._table.get_item(Key={"id": document_id}, ConsistentRead=True)
        item: Mapping[str, Any] | None = found.get("Item")
        return item

    def put(self, document: Document, owner: str, **more: Any) -> None:
        """
        Args:
            more: Kept beside it, such as the hash of its request's token.

        Raises:
            DocumentDecided: It has ended.
        """
        condition = Attr("id").not_exists()
        for before in Status:
            if not before.is_final:
                condition = condition | Attr("status").eq(before.value)
        item = {**more, **_item(document, time.time_ns() // 1_000_000), "owner": owner}
        try:
            self._table.put_item(Item=item, ConditionExpression=condition)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise DocumentDecided(f"document {document.id} has ended already") from error

    def add(self, documents: Sequence[tuple[Document, Mapping[str, Any]]], owner: str) -> None:
        """
        Store new documents, all of them or none; each with what is kept beside it, such as where its result is sent.

        Raises:
            Conflict: There is one of that id.
        """
        now_ms = time.time_ns() // 1_000_000
        actions = [
            {
                "Put": {
                    "TableName": self._table.name,
                    "Item": {**beside, **_item(one, now_ms), "owner": owner, "version": 1},
                    "ConditionExpression": "attribute_not_exists(id)",
                }
            }
            for one, beside in documents
        ]
        try:
            self._table.meta.client.transact_write_items(TransactItems=actions)
        except ClientError as error:
            reasons = [one.get("Code") for one in error.response.get("CancellationReasons", ())]
            if "ConditionalCheckFailed" not in reasons:
                raise
            names = ", ".join(one.id for one, _ in documents)
            raise Conflict(
                f"there is a document already among {names[:200]}; give each another platform_document_id",
                code="ocr_document_exists",
            ) from error

    def change(
        self,
        document_id: str,
        change: Change,
        *,
        author: str | None = None,
        what: str = "",
        final_sha256: str | None = None,
    ) -> Mapping[str, Any]:
        """
        Change a document by a function that is given the present one; None from it changes nothing. Answers the row afterwards.

        Args:
            author: A person, whose change is kept in the history.
            final_sha256: Of the body that ended it; the same body again changes nothing.

        Raises:
            DocumentUnknown: There is none.
            DocumentDecided: It has ended, or the change leads back.
            Unavailable: Others change it all the time.
        """
        for _ in range(ATTEMPTS):
            row = self.find(document_id)
            if row is None:
                raise DocumentUnknown(f"there is no document {document_id[:80]}")
            if final_sha256 is not None and row.get("finalSha256") == final_sha256:
                return row
            now = msgspec.json.decode(row["body"], type=Document)
            then = changed(now, change, is_person=author is not None)
            if then is None:
                return row
            new_row = _changed(row, now, then, author, what, final_sha256)
            if self._replace(row, new_row):
                return new_row
        raise Unavailable(
            f"document {document_id} is changed by others all the time; try again",
            code="ocr_document_busy",
        )

    def _replace(self, row: Mapping[str, Any], changed: Mapping[str, Any]) -> bool:
        seen = row.get("version")
        condition = Attr("version").not_exists() if seen is None else Attr("version").eq(seen)
        try:
            self._table.put_item(Item=dict(changed), ConditionExpression=condition)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def remove(self, document_id: str) -> None:
        self._table.delete_item(Key={"id": document_id})

    def page(
        self, index: str, value: str, *, limit: int, after: Mapping[str, Any] | None
    ) -> tuple[list[Mapping[str, Any]], bool]:
        """
        A part of an index, the newest first, and whether there is more.

        Args:
            index: `BY_OWNER` or `BY_STATUS`.
            after: The last row of the part before.
        """
        key = "owner" if index == BY_OWNER else "status"
        more: dict[str, Any] = {}
        if after is not None:
            more["ExclusiveStartKey"] = {
                "id": after["id"],
                "createdAt": after["createdAt"],
                key: value,
            }
        found = self._table.query(
            IndexName=index,
            KeyConditionExpression=Key(key).eq(value),
            ScanIndexForward=False,
            Limit=limit,
            **more,
        )
        return list(found["Items"]), "LastEvaluatedKey" in found

    def recent(self, who: str) -> list[Document]:
        """
        What a new subscriber is told: not finished, or finished lately; the oldest first.

        Args:
            who: An owner, or `ADMINS`.
        """
        since_ms = time.time_ns() // 1_000_000 - RECENT_S * 1000
        found = self._newest("owner", who) if who != ADMINS else self._of_everybody()
        kept = [
            one
            for one in found
            if not Status(one["status"]).is_final or one["updatedMs"] >= since_ms
        ]
        kept.sort(key=lambda one: str(one["createdAt"]))
        return [msgspec.json.decode(one["body"], type=Document) for one in kept[-RECENT_MAX:]]

    def _of_everybody(self) -> list[Mapping[str, Any]]:
        return [one for status in Status for one in self.in_status(status, RECENT_MAX)]

    def _newest(self, key: str, value: str) -> list[Mapping[str, Any]]:
        found = self._table.query(
            IndexName=BY_OWNER,
            KeyConditionExpression=Key(key).eq(value),
            ScanIndexForward=False,
            Limit=RECENT_MAX,
        )
        return list(found["Items"])

    def in_status(self, status: Status, limit: int) -> list[Mapping[str, Any]]:
        """
        The newest in a state.
        """
        return self._in_status(status, limit, is_newest_first=True)

    def oldest(self, status: Status, limit: int) -> list[Mapping[str, Any]]:
        """
        The oldest in a state.
        """
        return self._in_status(status, limit, is_newest_first=False)

    def _in_status(
        self, status: Status, limit: int, *, is_newest_first: bool
    ) -> list[Mapping[str, Any]]:
        found = self._table.query(
            IndexName=BY_STATUS,
            KeyConditionExpression=Key("status").eq(status.value),
            ScanIndexForward=not is_newest_first,
            Limit=limit,
        )
        return list(found["Items"])


def _item(document: Document, now_ms: int) -> dict[str, Any]:
    body = msgspec.json.encode(document)
    if len(body) > BODY_BYTES_MAX:
        raise TooLarge(
            f"document {document.id} has {len(body)} bytes with its text; {BODY_BYTES_MAX} fit into a row",
            code="ocr_document_too_large",
        )
    return {
        "id": document.id,
        "status": document.status.value,
        "createdAt": document.created_at,
        "updatedMs": now_ms,
        "body": body.decode(),
    }


def _changed(
    row: Mapping[str, Any],
    now: Document,
    then: Document,
    author: str | None,
    what: str,
    final_sha256: str | None,
) -> dict[str, Any]:
    now_ms = time.time_ns() // 1_000_000
    then = msgspec.structs.replace(then, updated_at=iso_z(now_ms))
    changed = {**row, **_item(then, now_ms), "version": int(row.get("version", 0)) + 1}
    if then.status.is_final and not now.status.is_final:
        changed["endedMs"] = now_ms
    if final_sha256 is not None:
        changed["finalSha256"] = final_sha256
    if author is not None:
        before, after = changed_parts(now, then)
        told = {"timestamp": iso_z(now_ms), "author": author, "action": what}
        entry = msgspec.json.encode({**told, "before": before, "after": after}).decode()
        changed["history"] = _newest([*row.get("history", []), entry])
    return changed


def _newest(entries: Sequence[str]) -> list[str]:
    kept: list[str] = []
    size = 0
    for entry in reversed(entries):
        size += len(entry.encode())
        if size > HISTORY_BYTES_MAX:
            break
        kept.insert(0, entry)
    return kept
