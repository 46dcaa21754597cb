"""
`$connect`, `$disconnect`, `$default`, and what tells of a change. Who a connection is comes from the authorizer of `$connect` alone.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from avance.apps.ocr import frames as f
from avance.apps.ocr.aws.connections import ADMINS, Connections
from avance.apps.ocr.aws.documents import Documents
from avance.apps.ocr.aws.measures import Measures
from avance.apps.ocr.aws.posting import Posting
from avance.apps.ocr.aws.settings import AwsSettings, read_settings
from avance.apps.ocr.model import Document

Answer = Mapping[str, Any]
Event = Mapping[str, Any]
log = logging.getLogger("avance.ocr.aws")
OK: Answer = {"statusCode": 200}


class Handlers:
    """
    Made once for each container of a function.
    """

    def __init__(self, settings: AwsSettings, write: Callable[[str], object] | None = None) -> None:
        """
        Args:
            write: Where lines with measures go; by default to the log of the function.
        """
        self._measures = Measures(settings.stage, write)
        self._connections = Connections(settings)
        self._documents = Documents(settings)
        self.posting = Posting(settings, self._connections, self._measures)

    def connect(self, event: Event, _: object = None) -> Answer:
        """
        Remember who it is. The greeting cannot be sent before this has returned.
        """
        context = event["requestContext"]
        authorizer = context.get("authorizer") or {}
        user = authorizer.get("principalId")
        if not user:
            return {"statusCode": 401}
        self._connections.add(context["connectionId"], user, authorizer.get("role", "user"))
        self._measures.tell(ConnectionsOpened=1)
        log.info("Connection established %s", context["connectionId"])
        return OK

    def greet(self, event: Event, _: object = None) -> Answer:
        """
        Called by the stream of the table of connections, possibly before the handshake is over.

        Raises:
            Unavailable: The connection does not stand yet. The stream tries again, as often as deploy/aws/serverless.yml allows.
        """
        for connection_id in _new_connections(event):
            if self._connections.find(connection_id) is None:
                # It has gone already; nobody waits for a greeting.
                continue
            greeting = f.ConnectionEstablished(
                message="Connected to OCR service", connection_id=connection_id, timestamp=_now()
            )
            self.posting.greet(connection_id, f.encode(greeting))
        return OK

    def disconnect(self, event: Event, _: object = None) -> Answer:
        connection_id = event["requestContext"]["connectionId"]
        self._connections.remove(connection_id)
        self._measures.tell(ConnectionsClosed=1)
        log.info("Connection removed %s", connection_id)
        return OK

    def default(self, event: Event, _: object = None) -> Answer:
        """
        A frame of a client.
        """
        connection_id = event["requestContext"]["connectionId"]
        row = self._connections.find(connection_id)
        if row is None:
            return {"statusCode": 410}
        try:
            frame = f.read(event.get("body") or "")
        except msgspec.MsgspecError as error:
            self._connections.heard(connection_id)
            self._say(
                connection_id,
                f.Error(message=f"Message not understood: {str(error)[:200]}", timestamp=_now()),
            )
            return OK
        match frame:
            case f.Ping():
                self._connections.heard(connection_id)
                self._say(connection_id, f.Pong(timestamp=_now()))
            case f.SubscribeDocuments():
                owner = ADMINS if row["role"] == "admin" else row["userId"]
                self._connections.heard(connection_id, subscription=owner)
                told = f.SubscriptionConfirmed(
                    message="Subscribed to document updates", timestamp=_now()
                )
                self._say(connection_id, told)
                # Later changes come through the stream; what happened before is told now.
                for document in self._documents.recent(owner):
                    self.posting.send(connection_id, f.update_of(document))
            case f.GetDocumentStatus():
                self._connections.heard(connection_id)
                self.posting.send(connection_id, self._status(frame.document_id, row))
        return OK

    def notify(self, event: Event, _: object = None) -> Answer:
        """
        Called by the stream of the table of documents: store first, then tell.
        """
        for record in event["Records"]:
            image = record.get("dynamodb", {}).get("NewImage")
            if record["eventName"] == "REMOVE" or image is None:
                continue
            document = msgspec.json.decode(image["body"]["S"], type=Document)
            self.posting.tell(image["owner"]["S"], f.update_of(document))
            if "updatedMs" in image:
                took_ms = time.time_ns() // 1_000_000 - int(image["updatedMs"]["N"])
                self._measures.tell(NotificationResponseTime=max(took_ms, 0))
        return OK

    def _status(self, document_id: str | None, row: Mapping[str, Any]) -> bytes:
        if not document_id:
            return f.encode(
                f.Error(message="get_document_status needs a documentId", timestamp=_now())
            )
        found = self._documents.find(document_id)
        if found is None or (row["role"] != "admin" and found["owner"] != row["userId"]):
            return f.unknown(document_id, _now())
        return f.status_of(msgspec.json.decode(found["body"], type=Document), _now())

    def _say(self, connection_id: str, frame: msgspec.Struct) -> None:
        self.posting.send(connection_id, f.encode(frame))


def _new_connections(event: Event) -> list[str]:
    return [
        record["dynamodb"]["NewImage"]["connectionId"]["S"]
        for record in event["Records"]
        if record["eventName"] == "INSERT"
    ]


def _now() -> str:
    return f.iso_z(time.time_ns() // 1_000_000)


_made: dict[str, Handlers] = {}


def _handlers() -> Handlers:
    if "one" not in _made:
        # A function's log shows warnings alone unless it is told otherwise.
        log.setLevel(logging.INFO)
        _made["one"] = Handlers(read_settings())
    return _made["one"]


def websocket_connect(event: Event, context: object) -> Answer:
    return _handlers().connect(event, context)


def websocket_greet(event: Event, context: object) -> Answer:
    return _handlers().greet(event, context)


def websocket_disconnect(event: Event, context: object) -> Answer:
    return _handlers().disconnect(event, context)


def websocket_default(event: Event, context: object) -> Answer:
    return _handlers().default(event, context)


def notify_document_update(event: Event, context: object) -> Answer:
    return _handlers().notify(event, context)
