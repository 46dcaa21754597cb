"""
The AWS adapter over real sockets (`avance.testing.apigw`), with DynamoDB and S3 by moto. docs/contract/ocr.md.
"""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from avance.apps.ocr import frames
from avance.apps.ocr.aws.handlers import Handlers
from avance.apps.ocr.aws.settings import AwsSettings, read_settings
from avance.apps.ocr.aws.tables import Connections, Documents, Files
from avance.apps.ocr.errors import DocumentDecided
from avance.apps.ocr.model import Document, OcrResult, Status
from avance.errors import ConfigError
from avance.testing.apigw import Gateway, GatewayLimits

REGION = "us-east-1"


class Cloud:
    """
    The adapter in a stage of its own.
    """

    def __init__(self, settings: AwsSettings) -> None:
        self.settings = settings
        self.handlers = Handlers(settings)
        self.connections = Connections(settings)
        self.documents = Documents(settings)

    def rows(self) -> list[dict[str, Any]]:
        table = boto3.resource(
            "dynamodb", region_name=REGION, endpoint_url=self.settings.aws_endpoint
        ).Table(self.settings.connections)
        found: list[dict[str, Any]] = table.scan()["Items"]
        return found

    def store(self, document_id: str, owner: str, status: Status) -> dict[str, Any]:
        """
        Store a document, and answer the record of its stream.
        """
        result = OcrResult(success=True, confidence=95, extracted_text="HOLA")
        document = Document(
            id=document_id,
            file_name="card.jpg",
            owner_user_name=owner,
            status=status,
            created_at="2026-01-22T10:30:00Z",
            updated_at="2026-01-22T10:30:00Z",
            request_id="r-1",
            ocr_result=result if status.is_final else None,
        )
        body = frames.encode(document).decode()
        self.documents.put(document_id, owner, status, document.created_at, body)
        image = {"owner": {"S": owner}, "body": {"S": body}}
        return {"Records": [{"eventName": "MODIFY", "dynamodb": {"NewImage": image}}]}


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        server = ThreadedMotoServer("127.0.0.1", port=0)
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()


def made(aws: str, stage: str) -> AwsSettings:
    settings = AwsSettings(
        stage=stage,
        region=REGION,
        websocket_endpoint=aws,
        bucket=f"files-{stage}",
        aws_endpoint=aws,
    )
    client = boto3.client("dynamodb", region_name=REGION, endpoint_url=aws)
    for name, key, index, sort in (
        (settings.connections, "connectionId", "subscription", None),
        (settings.documents, "id", "status", "createdAt"),
    ):
        names = [key, index, *([sort] if sort else [])]
        schema = [{"AttributeName": index, "KeyType": "HASH"}]
        schema += [{"AttributeName": sort, "KeyType": "RANGE"}] if sort else []
        client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in names],
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "status-createdAt-index" if sort else "subscription-index",
                    "KeySchema": schema,
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
    boto3.client("s3", region_name=REGION, endpoint_url=aws).create_bucket(Bucket=settings.bucket)
    return settings


@pytest.fixture
def cloud(aws: str, request: pytest.FixtureRequest) -> Iterator[tuple[Cloud, Gateway]]:
    held: list[Cloud] = []
    users = {"ana": "user", "ben": "user", "root": "admin"}

    def authorized(event: Any, context: Any) -> Any:
        # What API Gateway's authorizer adds.
        user = (event.get("queryStringParameters") or {}).get("who")
        if user in users:
            event["requestContext"]["authorizer"] = {"principalId": user, "role": users[user]}
        return held[0].handlers.connect(event, context)

    routes = {
        "$connect": authorized,
        "$connected": lambda event, context: held[0].handlers.greet(event, context),
        "$disconnect": lambda event, context: held[0].handlers.disconnect(event, context),
        "$default": lambda event, context: held[0].handlers.default(event, context),
    }
    stage = f"t{abs(hash(request.node.name)) % 10_000_000}"
    with Gateway(routes, stage=stage) as gateway:
        settings = made(aws, stage)
        reached = {name: getattr(settings, name) for name in settings.__struct_fields__}
        held.append(Cloud(AwsSettings(**{**reached, "websocket_endpoint": gateway.endpoint})))
        yield held[0], gateway


def said(connection: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(connection.recv(timeout=20))
    return frame


def ask(connection: ClientConnection, **frame: str) -> dict[str, Any]:
    connection.send(json.dumps(frame))
    return said(connection)


def test_the_socket_behind_the_gateway_behaves_like_the_direct_one(
    cloud: tuple[Cloud, Gateway],
) -> None:
    """004-02 004-28 004-T1 004-T3 004-T4: greeting after the connect route, answers, and who a connection is never changes."""
    adapter, gateway = cloud
    with connect(f"{gateway.url}?who=ana") as ana:
        hello = said(ana)
        assert hello["type"] == "connection_established"
        before = adapter.connections.find(hello["connectionId"])
        assert before is not None
        assert ask(ana, type="ping")["type"] == "pong"
        assert ask(ana, type="subscribe_documents")["type"] == "subscription_confirmed"
        adapter.store("d-1", "ana", Status.COMPLETED)
        adapter.store("d-2", "ben", Status.COMPLETED)
        assert ask(ana, type="get_document_status", documentId="d-1")["status"] == "completed"
        assert "status" not in ask(ana, type="get_document_status", documentId="d-2")
        assert ask(ana, type="dance")["type"] == "error"
        after = adapter.connections.find(hello["connectionId"])
        assert after is not None
        for name in ("userId", "connectedAt", "role", "ttl"):
            assert after[name] == before[name]
        assert after["lastActivity"] > before["lastActivity"]
        assert 0 < after["ttl"] - after["connectedAt"] // 1000 <= 86_400
    with pytest.raises(InvalidStatus), connect(gateway.url):
        pass


def test_updates_reach_their_owner_by_the_index_and_dead_connections_disappear(
    cloud: tuple[Cloud, Gateway], caplog: pytest.LogCaptureFixture
) -> None:
    """004-21 004-T2 004-T5 004-T8 004-T12: two sends among many rows; 410 removes its row, the others receive, the failure is counted and logged."""
    adapter, gateway = cloud
    for number in range(300):
        adapter.connections.add(f"other-{number}", f"user-{number}", "user")
        adapter.connections.heard(f"other-{number}", subscription=f"user-{number}")
    with connect(f"{gateway.url}?who=ana") as one, connect(f"{gateway.url}?who=ana") as two:
        for connection in (one, two):
            said(connection)
            assert ask(connection, type="subscribe_documents")["type"] == "subscription_confirmed"
        before = gateway.posts
        with caplog.at_level("INFO", logger="avance.ocr.aws"):
            adapter.handlers.notify(adapter.store("d-1", "ana", Status.COMPLETED))
            assert gateway.posts - before == 2
            for connection in (one, two):
                assert said(connection)["ocrResult"]["extractedText"] == "HOLA"
            adapter.connections.add("dead", "ana", "user")
            adapter.connections.heard("dead", subscription="ana")
            adapter.handlers.notify(adapter.store("d-9", "ana", Status.PENDING))
        assert adapter.connections.find("dead") is None
        assert adapter.handlers.posting.failures == 1
        assert said(one)["documentId"] == said(two)["documentId"] == "d-9"
        for phrase in (
            "Document update notification sent",
            "Failed to send message to connection",
            "Connection removed",
        ):
            assert phrase in caplog.text


def test_a_document_that_has_ended_is_not_written_again(cloud: tuple[Cloud, Gateway]) -> None:
    """004-28 004-T11: a condition in the table, not a look before the write."""
    adapter, _ = cloud
    adapter.store("d-1", "ana", Status.PROCESSING)
    adapter.store("d-1", "ana", Status.COMPLETED)
    with pytest.raises(DocumentDecided):
        adapter.store("d-1", "ana", Status.FAILED)
    assert [one["id"] for one in adapter.documents.in_status(Status.COMPLETED, 10)] == ["d-1"]
    files = Files(adapter.settings)
    files.put("d-1/file", b"bytes", "image/png")
    assert adapter.settings.bucket in files.link("d-1/file", 60)


def test_every_name_follows_the_stage_and_missing_settings_stop_the_start() -> None:
    """004-18 004-23 004-T13."""
    env = {"STAGE": "staging", "AWS_REGION": "eu-west-1", "WEBSOCKET_ENDPOINT": "https://x/staging"}
    settings = read_settings(env)
    assert settings.connections == "websocket-connections-staging"
    assert settings.documents == "ocr-documents-staging"
    assert settings.bucket == "ocr-files-staging"
    with pytest.raises(ConfigError, match="AWS_REGION, WEBSOCKET_ENDPOINT"):
        read_settings({"STAGE": "dev"})


def test_the_emulated_gateway_refuses_as_the_real_one() -> None:
    """410 for what is gone, 413 for what is too large, 429 for what is too much; routes by the body."""
    heard: list[str] = []

    def route(event: Any, _: Any) -> Any:
        heard.append(event["requestContext"]["routeKey"])
        return {"statusCode": 200}

    limits = GatewayLimits(posts_per_s=3)
    with Gateway(
        {"ping": route, "$default": route, "$disconnect": route}, limits=limits
    ) as gateway:
        client = boto3.client(
            "apigatewaymanagementapi",
            region_name=REGION,
            endpoint_url=gateway.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=boto3.session.Config(retries={"max_attempts": 0}),
        )
        with connect(gateway.url) as connection:
            connection.send('{"type":"ping"}')
            connection.send("no json")
            codes = []
            for name, data in (("gone=", b"x"), ("gone=", b"x" * 131_073), *[("gone=", b"x")] * 4):
                with pytest.raises(ClientError) as refused:
                    client.post_to_connection(ConnectionId=name, Data=data)
                codes.append(refused.value.response["ResponseMetadata"]["HTTPStatusCode"])
            assert codes[:2] == [410, 413]
            assert 429 in codes
        assert heard[:2] == ["ping", "$default"]
