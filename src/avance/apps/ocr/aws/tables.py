"""
Connections and documents in DynamoDB. Whoever is to be told is found by an index, never by reading the table.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import msgspec
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from avance.apps.ocr.aws.settings import CONNECTION_TTL_S, AwsSettings
from avance.apps.ocr.errors import DocumentDecided
from avance.apps.ocr.model import Document, Status

ADMINS = "#admins"
"""Administrators subscribe to everything; a user cannot have that name."""
SUBSCRIBED = "subscription-index"
BY_STATUS = "status-createdAt-index"
BY_OWNER = "owner-createdAt-index"
RECENT_S = 300
RECENT_MAX = 100


class Connections:
    def __init__(self, settings: AwsSettings) -> None:
        self._table = _resource(settings).Table(settings.connections)

    def add(self, connection_id: str, user: str, role: str) -> None:
        now_ms = time.time_ns() // 1_000_000
        self._table.put_item(
            Item={
                "connectionId": connection_id,
                "userId": user,
                "role": role,
                "connectedAt": now_ms,
                "lastActivity": now_ms,
                "ttl": now_ms // 1000 + CONNECTION_TTL_S,
            }
        )

    def remove(self, connection_id: str) -> None:
        self._table.delete_item(Key={"connectionId": connection_id})

    def find(self, connection_id: str) -> Mapping[str, Any] | None:
        found = self._table.get_item(Key={"connectionId": connection_id}, ConsistentRead=True)
        item: Mapping[str, Any] | None = found.get("Item")
        return item

    def heard(self, connection_id: str, *, subscription: str | None = None) -> None:
        """
        Say that it lives; who it is stays as it was when it connected.
        """
        change = "SET lastActivity = :now"
        given: dict[str, Any] = {":now": time.time_ns() // 1_000_000}
        if subscription is not None:
            change += ", subscription = :subscription"
            given[":subscription"] = subscription
        try:
            self._table.update_item(
                Key={"connectionId": connection_id},
                UpdateExpression=change,
                ConditionExpression="attribute_exists(connectionId)",
                ExpressionAttributeValues=given,
            )
        except ClientError as error:
            # A message of a connection that was removed meanwhile must not bring its row back.
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def subscribed(self, owner: str) -> Iterator[str]:
        """
        Connections that are told of this owner's documents.
        """
        for who in (owner, ADMINS):
            more: dict[str, Any] = {}
            while True:
                found = self._table.query(
                    IndexName=SUBSCRIBED,
                    KeyConditionExpression=Key("subscription").eq(who),
                    ProjectionExpression="connectionId",
                    **more,
                )
                yield from (item["connectionId"] for item in found["Items"])
                if "LastEvaluatedKey" not in found:
                    break
                more = {"ExclusiveStartKey": found["LastEvaluatedKey"]}


class Documents:
    def __init__(self, settings: AwsSettings) -> None:
        self._table = _resource(settings).Table(settings.documents)

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
        now_ms = time.time_ns() // 1_000_000
        item = {
            **more,
            "id": document.id,
            "owner": owner,
            "status": document.status.value,
            "createdAt": document.created_at,
            "updatedMs": now_ms,
            "body": msgspec.json.encode(document).decode(),
        }
        try:
            self._table.put_item(Item=item, ConditionExpression=condition)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise DocumentDecided(f"document {document.id} has ended already") from error

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
        found = self._table.query(
            IndexName=BY_STATUS,
            KeyConditionExpression=Key("status").eq(status.value),
            ScanIndexForward=False,
            Limit=limit,
        )
        return list(found["Items"])


class Files:
    def __init__(self, settings: AwsSettings) -> None:
        self._bucket = settings.bucket
        self._client = boto3.client(
            "s3", region_name=settings.region, endpoint_url=settings.aws_endpoint
        )

    def put(self, key: str, body: bytes, media_type: str) -> None:
        self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=media_type)

    def link(self, key: str, ttl_s: int) -> str:
        """
        A URL that is good for a while.
        """
        made: str = self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=ttl_s
        )
        return made


def _resource(settings: AwsSettings) -> Any:
    return boto3.resource(
        "dynamodb", region_name=settings.region, endpoint_url=settings.aws_endpoint
    )
