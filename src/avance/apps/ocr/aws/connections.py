"""
Connections in DynamoDB. Whoever is to be told is found by an index, never by reading the table.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from avance.apps.ocr.aws.ends import dynamodb
from avance.apps.ocr.aws.settings import CONNECTION_TTL_S, AwsSettings

ADMINS = "#admins"
"""Administrators subscribe to everything; a user cannot have that name."""
SUBSCRIBED = "subscription-index"


class Connections:
    def __init__(self, settings: AwsSettings) -> None:
        self._table = dynamodb(settings).Table(settings.connections)

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
