"""
Frames to connections through the management API.
"""

import logging
import time
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from avance.apps.ocr.aws.connections import Connections
from avance.apps.ocr.aws.measures import Measures
from avance.apps.ocr.aws.settings import AwsSettings
from avance.errors import Unavailable

log = logging.getLogger("avance.ocr.aws")
ATTEMPTS = 4
GONE = ("GoneException", "410")


class Posting:
    """
    Counts what fails; a connection that is gone loses its row.
    """

    def __init__(self, settings: AwsSettings, connections: Connections, measures: Measures) -> None:
        self._connections = connections
        self._measures = measures
        self.failures = 0
        self._client: Any = boto3.client(
            "apigatewaymanagementapi",
            region_name=settings.region,
            endpoint_url=settings.websocket_endpoint,
            # 429 is tried again, later each time.
            config=Config(retries={"max_attempts": ATTEMPTS, "mode": "standard"}),
        )

    def send(self, connection_id: str, frame: bytes) -> bool:
        """
        Whether it went out. One that cannot be reached is no matter of the others.
        """
        try:
            self._post(connection_id, frame)
        except (ClientError, BotoCoreError) as error:
            self._failed(connection_id, error)
            if _code(error) in GONE:
                self._connections.remove(connection_id)
                log.info("Connection removed %s", connection_id)
            return False
        return True

    def greet(self, connection_id: str, frame: bytes) -> None:
        """
        The first frame. Before the handshake is over the gateway says 410 of a connection that is about to stand, so this takes nobody's row away.

        Raises:
            Unavailable: It cannot be reached yet, or no more; whoever calls tries again a bounded number of times.
        """
        try:
            self._post(connection_id, frame)
        except (ClientError, BotoCoreError) as error:
            self._failed(connection_id, error)
            raise Unavailable(
                f"connection {connection_id} cannot be greeted yet: {error}",
                code="ocr_connection_not_ready",
            ) from error

    def tell(self, owner: str, frame: bytes) -> int:
        """
        To everybody who follows this owner's documents; answers how many were told.
        """
        told = sum(self.send(one, frame) for one in list(self._connections.subscribed(owner)))
        log.info("Document update notification sent to %d connections", told)
        return told

    def _post(self, connection_id: str, frame: bytes) -> None:
        began_s = time.monotonic()
        self._client.post_to_connection(ConnectionId=connection_id, Data=frame)
        took_ms = round((time.monotonic() - began_s) * 1000, 1)
        self._measures.tell(MessagesSent=1, WebSocketLatency=took_ms)

    def _failed(self, connection_id: str, error: Exception) -> None:
        self.failures += 1
        self._measures.tell(ConnectionErrors=1)
        log.warning("Failed to send message to connection %s: %s", connection_id, error)


def _code(error: Exception) -> str:
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else ""
