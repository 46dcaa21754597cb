"""
Frames to connections through the management API.
"""

import logging
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from avance.apps.ocr.aws.settings import AwsSettings
from avance.apps.ocr.aws.tables import Connections

log = logging.getLogger("avance.ocr.aws")
ATTEMPTS = 4


class Posting:
    """
    Counts what fails; a connection that is gone loses its row.
    """

    def __init__(self, settings: AwsSettings, connections: Connections) -> None:
        self._connections = connections
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
            self._client.post_to_connection(ConnectionId=connection_id, Data=frame)
        except (ClientError, BotoCoreError) as error:
            self._failed(connection_id, error)
            return False
        return True

    def _failed(self, connection_id: str, error: Exception) -> None:
        self.failures += 1
        log.warning("Failed to send message to connection %s: %s", connection_id, error)
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        if code in ("GoneException", "410"):
            self._connections.remove(connection_id)
            log.info("Connection removed %s", connection_id)

    def tell(self, owner: str, frame: bytes) -> int:
        """
        To everybody who follows this owner's documents; answers how many were told.
        """
        told = sum(self.send(one, frame) for one in list(self._connections.subscribed(owner)))
        log.info("Document update notification sent to %d connections", told)
        return told
