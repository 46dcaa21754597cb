"""
The AWS adapter over real sockets (`avance.testing.apigw`), with DynamoDB and S3 by moto. docs/contract/ocr.md.
"""

import itertools
import json
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module
from threading import Event
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.integration.ocr.cloud import REGION, ROOT, TEMPLATE, made, stream_of
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from avance.apps.ocr.aws.connections import Connections
from avance.apps.ocr.aws.documents import Documents
from avance.apps.ocr.aws.files import Files
from avance.apps.ocr.aws.handlers import Handlers
from avance.apps.ocr.aws.measures import UNITS
from avance.apps.ocr.aws.settings import AwsSettings, read_settings
from avance.apps.ocr.errors import DocumentDecided
from avance.apps.ocr.model import Document, OcrResult, Status
from avance.errors import ConfigError
from avance.testing.apigw import Gateway, GatewayLimits, StreamLimits

PATIENCE_S = 50.0
USERS = {"ana": "user", "ben": "user", "root": "admin"}


class Cloud:
    """
    The adapter in a stage of its own.
    """

    def __init__(self, settings: AwsSettings) -> None:
        self.settings = settings
        self.measured: list[dict[str, Any]] = []
        self.handlers = Handlers(settings, lambda line: self.measured.append(json.loads(line)))
        self.connections = Connections(settings)
        self.documents = Documents(settings)

    def table(self) -> Any:
        ends = {"region_name": REGION, "endpoint_url": self.settings.aws_endpoint}
        return boto3.resource("dynamodb", **ends).Table(self.settings.connections)

    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.table().scan()["Items"]
        return found

    def store(self, document_id: str, owner: str, status: Status) -> None:
        """
        Store a document; the stream tells of it.
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
        self.documents.put(document, owner)


class Site:
    """
    The gateway, the functions behind it, and the streams of the tables.
    """

    def __init__(self, stack: ExitStack, aws: str, stage: str) -> None:
        self.may_connect = Event()
        """The handshake waits for it: what happens before it is over is seen so."""
        self.may_connect.set()
        routes = {
            "$connect": self._connect,
            "$disconnect": lambda *given: self.cloud.handlers.disconnect(*given),
            "$default": lambda *given: self.cloud.handlers.default(*given),
        }
        self.gateway = stack.enter_context(Gateway(routes, stage=stage))
        settings = made(aws, stage)
        reached = {name: getattr(settings, name) for name in settings.__struct_fields__}
        self.cloud = Cloud(AwsSettings(**{**reached, "websocket_endpoint": self.gateway.endpoint}))
        greet = TEMPLATE["functions"]["websocketGreet"]["events"][0]["stream"]
        self.greetings = stack.enter_context(
            stream_of(
                settings,
                settings.connections,
                self.cloud.handlers.greet,
                events=greet["filterPatterns"][0]["eventName"],
                limits=StreamLimits(retries_max=greet["maximumRetryAttempts"], pause_s=0.25),
            )
        )
        self.updates = stack.enter_context(
            stream_of(settings, settings.documents, self.cloud.handlers.notify)
        )

    def _connect(self, event: Any, context: Any) -> Any:
        # What API Gateway's authorizer adds.
        user = (event.get("queryStringParameters") or {}).get("who")
        if user in USERS:
            event["requestContext"]["authorizer"] = {"principalId": user, "role": USERS[user]}
        answer = self.cloud.handlers.connect(event, context)
        assert self.may_connect.wait(PATIENCE_S)
        return answer


@pytest.fixture
def site(aws: str, request: pytest.FixtureRequest) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(stack, aws, f"t{zlib.crc32(request.node.name.encode())}")


def until(is_true: Callable[[], object]) -> None:
    ends_s = time.monotonic() + PATIENCE_S
    while not is_true():
        assert time.monotonic() < ends_s, "it did not come to that"
        time.sleep(0.02)


def said(connection: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(connection.recv(timeout=20))
    return frame


def ask(connection: ClientConnection, **frame: str) -> dict[str, Any]:
    connection.send(json.dumps(frame))
    return said(connection)


def test_the_socket_behind_the_gateway_behaves_like_the_direct_one(site: Site) -> None:
    """004-02 004-28 004-T1 004-T3 004-T4: greeting after the connect route, answers, and who a connection is never changes."""
    adapter, gateway = site.cloud, site.gateway
    with connect(f"{gateway.url}?who=ana") as ana:
        hello = said(ana)
        assert hello["type"] == "connection_established"
        before = adapter.connections.find(hello["connectionId"])
        assert before is not None
        assert ask(ana, type="ping")["type"] == "pong"
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


def test_a_greeting_waits_for_the_handshake_and_takes_no_row_away(site: Site) -> None:
    """004-T1 004-T12: the row is there before the handshake is over; the gateway says 410 then, and the stream tries again."""
    site.may_connect.clear()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(connect, f"{site.gateway.url}?who=ana")
        until(lambda: site.greetings.failures)
        [row] = site.cloud.rows()
        site.may_connect.set()
        with waiting.result(PATIENCE_S) as ana:
            hello = said(ana)
            assert hello["type"] == "connection_established"
            assert hello["connectionId"] == row["connectionId"]
            assert "GoneException" in str(site.greetings.failures[0])
            assert ask(ana, type="ping")["type"] == "pong"
    until(lambda: not site.cloud.rows())


def test_a_handshake_that_never_ends_is_given_up(site: Site) -> None:
    """004-T12: the stream asks a bounded number of times; the row ends by its ttl."""
    # One that asks again sooner: here nothing is waited for.
    site.greetings.close()
    greet = TEMPLATE["functions"]["websocketGreet"]["events"][0]["stream"]
    limits = StreamLimits(retries_max=greet["maximumRetryAttempts"])
    settings, handler = site.cloud.settings, site.cloud.handlers.greet
    site.cloud.connections.add("never", "ana", "user")
    with stream_of(settings, settings.connections, handler, limits=limits) as greetings:
        until(lambda: greetings.given_up)
    assert len(greetings.failures) == limits.retries_max + 1
    assert site.cloud.connections.find("never") is not None


def test_updates_reach_their_owner_by_the_index_and_dead_connections_disappear(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """004-21 004-22 004-T2 004-T5 004-T8 004-T12: two sends among many rows; 410 removes its row, the others receive; all is counted and logged."""
    adapter, gateway = site.cloud, site.gateway
    with (
        caplog.at_level("INFO", logger="avance.ocr.aws"),
        connect(f"{gateway.url}?who=ana") as one,
        connect(f"{gateway.url}?who=ana") as two,
    ):
        for connection in (one, two):
            said(connection)
            assert ask(connection, type="subscribe_documents")["type"] == "subscription_confirmed"
        # The others are rows alone, and nobody to greet.
        site.greetings.close()
        table = adapter.table()
        with table.batch_writer() as batch:
            for number in range(500):
                batch.put_item(
                    Item={"connectionId": f"other-{number}", "subscription": f"user-{number}"}
                )
        before = gateway.posts
        adapter.store("d-1", "ana", Status.COMPLETED)
        for connection in (one, two):
            assert said(connection)["ocrResult"]["extractedText"] == "HOLA"
        assert gateway.posts - before == 2
        table.put_item(Item={"connectionId": "dead", "subscription": "ana"})
        adapter.store("d-9", "ana", Status.PENDING)
        assert said(one)["documentId"] == said(two)["documentId"] == "d-9"
        until(lambda: adapter.connections.find("dead") is None)
        assert adapter.handlers.posting.failures >= 1
    for phrase in (
        "Connection established",
        "Document update notification sent",
        "Failed to send message to connection",
        "Connection removed",
    ):
        assert phrase in caplog.text
    until(lambda: any("ConnectionsClosed" in one for one in adapter.measured))
    told = {name for one in adapter.measured for name in one}
    assert told >= set(UNITS)
    for one_line in adapter.measured:
        [metrics] = one_line["_aws"]["CloudWatchMetrics"]
        assert all(isinstance(one_line[one["Name"]], int | float) for one in metrics["Metrics"])
        assert one_line["Stage"] == adapter.settings.stage


def test_who_subscribes_late_behind_the_gateway_is_told_what_happened(site: Site) -> None:
    """004-T10 004-T2: what is under way and what ended lately, of the own documents; an administrator's are all."""
    adapter, gateway = site.cloud, site.gateway
    adapter.store("d-1", "ana", Status.PROCESSING)
    adapter.store("d-1", "ana", Status.COMPLETED)
    adapter.store("d-2", "ben", Status.PROCESSING)
    for who, ids in (("ana", {"d-1"}), ("ben", {"d-2"}), ("root", {"d-1", "d-2"})):
        with connect(f"{gateway.url}?who={who}") as page:
            said(page)
            assert ask(page, type="subscribe_documents")["type"] == "subscription_confirmed"
            told = {said(page)["documentId"] for _ in ids}
            assert told == ids
            assert ask(page, type="ping")["type"] == "pong"


def test_a_document_that_has_ended_is_not_written_again(site: Site) -> None:
    """004-28 004-T11: a condition in the table, not a look before the write."""
    adapter = site.cloud
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


def test_the_deployment_names_everything_by_its_stage_and_allows_single_actions() -> None:
    """004-19 004-20 004-23 004-27 004-28: `npm install`, `serverless deploy --stage dev`, and functions whose logs can be followed by name."""
    wanted = json.loads((ROOT / "deploy/aws/package.json").read_text("utf-8"))["devDependencies"]
    assert set(TEMPLATE["plugins"]) | {"serverless"} == set(wanted)
    assert TEMPLATE["provider"]["stage"] == "${opt:stage, 'dev'}"
    stage = "${self:provider.stage}"
    resources = TEMPLATE["resources"]["Resources"]
    named = [resources[one]["Properties"]["TableName"] for one in ("Connections", "Documents")]
    named += [TEMPLATE["custom"]["bucket"], TEMPLATE["provider"]["websocketsApiName"]]
    environment = TEMPLATE["provider"]["environment"]
    named += [environment["STAGE"], environment["WEBSOCKET_ENDPOINT"]["Fn::Sub"]]
    assert all(stage in one for one in named)
    allowed = {
        action
        for statement in TEMPLATE["provider"]["iam"]["role"]["statements"]
        for action in statement["Action"]
    }
    assert allowed >= {"execute-api:ManageConnections", "s3:GetObject", "dynamodb:Query"}
    assert not [one for one in allowed if "*" in one or one == "dynamodb:Scan"]
    functions = TEMPLATE["functions"]
    assert {"websocketConnect", "notifyDocumentUpdate"} <= set(functions)
    for function in functions.values():
        module, _, name = function["handler"].rpartition(".")
        assert callable(getattr(import_module(module), name))


def test_the_emulated_gateway_refuses_as_the_real_one() -> None:
    """410 for what is gone, 413 for what is too large, 429 for what is too much; routes by the body."""
    heard: list[str] = []

    def route(event: Any, _: Any) -> Any:
        heard.append(event["requestContext"]["routeKey"])
        return {"statusCode": 200}

    limits = GatewayLimits(posts_per_s=2)
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
            for data in itertools.chain((b"x", b"x" * 131_073), itertools.repeat(b"x", 1_000)):
                with pytest.raises(ClientError) as refused:
                    client.post_to_connection(ConnectionId="gone=", Data=data)
                codes.append(refused.value.response["ResponseMetadata"]["HTTPStatusCode"])
                # As soon as there were enough of them within a second, whenever that is.
                if 429 in codes:
                    break
            assert codes[:2] == [410, 413]
            assert codes[-1] == 429
        assert heard[:2] == ["ping", "$default"]
