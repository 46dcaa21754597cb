"""
The HTTP interface behind API Gateway (`avance.testing.apigw`): routes, rights and streams of deploy/aws/serverless.yml, DynamoDB and S3 by moto, and a
real engine. docs/contract/ocr.md.
"""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx2 as httpx
import msgspec
import pytest
from tests.integration.ocr.cloud import REGION, TEMPLATE, made, stream_of
from tests.integration.ocr.outside import Engine

from avance import Secret
from avance.apps.ocr.aws.desk import key_of
from avance.apps.ocr.aws.http import Http
from avance.apps.ocr.aws.outward import Outward
from avance.apps.ocr.aws.settings import AwsSettings, check_engine, read_settings
from avance.apps.ocr.settings import OcrSettings
from avance.errors import ConfigError
from avance.testing.apigw import Cors, HttpGateway, Route

PATIENCE_S = 50.0
SECRET = "a secret that engine and functions share"
ROLES = {"ana": "user", "ben": "user", "eva": "sender", "root": "admin"}
LETTER = b"%PDF-1.4 the bytes of a letter"
FUNCTIONS = TEMPLATE["functions"]


def routes() -> list[Route]:
    """
    As the template has them.
    """
    events = [one["httpApi"] for one in FUNCTIONS["http"]["events"]]
    return [
        Route(method=one["method"], path=one["path"], needs_caller="authorizer" in one)
        for one in events
    ]


def cors() -> Cors:
    given = TEMPLATE["provider"]["httpApi"]["cors"]
    return Cors(
        origins=given["allowedOrigins"],
        methods=given["allowedMethods"],
        headers=given["allowedHeaders"],
        has_credentials=given["allowCredentials"],
    )


def authorizer(event: Any) -> dict[str, str] | None:
    user = event["headers"]["authorization"].removeprefix("Bearer ")
    return {"user": user, "role": ROLES[user]} if user in ROLES else None


class Site:
    """
    The gateway, the functions, the streams, and an engine that takes requests.
    """

    def __init__(self, stack: ExitStack, aws: str) -> None:
        self.engine, self.asker = Engine(), Engine()
        for one in (self.engine, self.asker):
            thread = threading.Thread(target=one.server.serve_forever, args=(0.05,))
            thread.start()
            stack.callback(one.server.server_close)
            stack.callback(thread.join)
            stack.callback(one.server.shutdown)
        ocr = OcrSettings(
            engine="external",
            orchestrator_url=self.engine.url,
            callback_base_url="https://api.example.org",
            engine_secret=Secret(SECRET),
            allowed_hosts=("127.0.0.1",),
        )
        self.settings = msgspec.structs.replace(made(aws, "rest"), ocr=ocr)
        self.outward = Outward(self.settings)
        gateway = HttpGateway(
            Http(self.settings).handle, routes(), authorizer=authorizer, cors=cors()
        )
        self.gateway = stack.enter_context(gateway)
        for name, handle in (
            ("sendDocument", self.outward.send),
            ("answerAsker", self.outward.answer),
        ):
            [event] = FUNCTIONS[name]["events"]
            kinds = event["stream"]["filterPatterns"][0]["eventName"]
            stack.enter_context(
                stream_of(self.settings, self.settings.documents, handle, events=kinds)
            )
        client = httpx.Client(base_url=self.gateway.url, timeout=60)
        self.http = stack.enter_context(client)
        ends = {"region_name": REGION, "endpoint_url": aws}
        self.s3 = boto3.client("s3", **ends)

    def call(self, method: str, path: str, who: str | None = "ana", **more: Any) -> httpx.Response:
        headers = {} if who is None else {"Authorization": f"Bearer {who}"}
        return self.http.request(method, path, headers=headers | more.pop("headers", {}), **more)

    def document(self, document_id: str, who: str = "ana") -> dict[str, Any]:
        answer = self.call("GET", f"/api/ocr/document/{document_id}", who)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["data"]
        return found

    def sent(self, document_id: str) -> dict[str, Any]:
        """
        What the engine was sent of a document.
        """
        return _about(self.engine, document_id, lambda body: body["documents"][0])

    def answered(self, document_id: str) -> dict[str, Any]:
        return _about(self.asker, document_id, lambda body: body)

    def submit(self, *ids: str, who: str = "ana", **more: Any) -> httpx.Response:
        documents = [
            {
                "file_name": f"{one}.pdf",
                "file_url": f"https://files.example.org/{one}.pdf",
                "platform_document_id": one,
            }
            for one in ids
        ]
        body = {"owner_user_name": "Ana", "documents": documents, **more}
        return self.call("POST", "/api/ocr/process-documents", who, json=body)

    def arrived(self, key: str) -> None:
        """
        What EventBridge hands to the function for a new object, if the rule lets it through.
        """
        pattern = FUNCTIONS["fileArrived"]["events"][0]["eventBridge"]["pattern"]
        assert key.startswith(pattern["detail"]["object"]["key"][0]["prefix"])
        detail = {"bucket": {"name": self.settings.bucket}, "object": {"key": key}}
        self.outward.arrived({"source": "aws.s3", "detail": detail})


def _about(engine: Engine, document_id: str, of: Callable[[Any], Any]) -> dict[str, Any]:
    def found() -> list[dict[str, Any]]:
        bodies = [json.loads(body) for _, body in engine.requests]
        return [one for one in bodies if of(one)["platform_document_id"] == document_id]

    with engine.arrived:
        assert engine.arrived.wait_for(found, PATIENCE_S)
        return found()[0]


@pytest.fixture(scope="module")
def site(aws: str) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(stack, aws)


def until(is_true: Callable[[], object]) -> None:
    ends_s = time.monotonic() + PATIENCE_S
    while not is_true():
        assert time.monotonic() < ends_s, "it did not come to that"
        time.sleep(0.02)


def signed(body: bytes, at_s: float) -> dict[str, str]:
    stamp = str(int(at_s))
    mac = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Avance-Timestamp": stamp, "X-Avance-Signature": f"sha256={mac}"}


def result(document_id: str, decision: str = "APPROVED") -> dict[str, Any]:
    return {
        "platform_document_id": document_id,
        "final_decision": decision,
        "document_type": "Pasaporte",
        "processing_status": "COMPLETED",
        "data_structure": {"nombre_completo": "ANA", "sexo": "F"},
        "observations": [],
    }


def test_a_file_is_put_into_the_bucket_read_elsewhere_corrected_and_removed(site: Site) -> None:
    """004-03 004-05 004-28 004-T6 004-T11: presigned upload, engine, callback by the token of the request, review with history, removal."""
    files = {"files": [{"file_name": "letter.pdf"}], "owner_user_name": "Ana"}
    taken = site.call("POST", "/api/ocr/upload-links", json=files)
    assert taken.status_code == 200, taken.text
    [told] = taken.json()["data"]["documents"]
    document_id, place = told["id"], told["upload"]
    assert site.document(document_id)["status"] == "pending"
    put = httpx.post(place["url"], data=place["fields"], files={"file": ("letter.pdf", LETTER)})
    assert put.status_code in (200, 201, 204), put.text
    site.arrived(place["fields"]["key"])
    sent = site.sent(document_id)
    assert httpx.get(sent["documents"][0]["file_url"]).content == LETTER
    assert site.document(document_id)["status"] == "processing"
    led = site.call("GET", f"/api/ocr/public-file/{document_id}")
    assert led.status_code == 302
    assert httpx.get(led.headers["location"]).content == LETTER

    parts = urlsplit(sent["url_response"])
    assert sent["url_response"].startswith("https://api.example.org/api/ocr/callback?token=")
    ours = f"{parts.path}?{parts.query}"
    for path in (parts.path, f"{parts.path}?token=another"):
        refused = site.call("POST", path, None, json=result(document_id))
        assert refused.status_code == 401
        assert refused.json()["success"] is False
    assert site.document(document_id)["status"] == "processing"
    for _ in range(2):
        done = site.call("POST", ours, None, json=result(document_id))
        assert done.status_code == 200, done.text
        assert done.json()["document_id"] == document_id
        assert done.json()["status"] == "completed"
    other = site.call("POST", ours, None, json=result(document_id, "REJECTED"))
    assert other.status_code == 409
    document = site.document(document_id)
    assert document["ocrResult"]["confidence"] == 95
    assert document["ocrResult"]["fields"]["nombre_completo"] == "ANA"

    review = f"/api/ocr/document/{document_id}/review"
    correction = {"fields": {"nombre_completo": "ANA MARÍA"}, "finalDecision": "MANUAL_REVIEW"}
    corrected = site.call("POST", review, json=correction).json()["data"]
    assert corrected["ocrResult"]["fields"] == {"nombre_completo": "ANA MARÍA", "sexo": "F"}
    assert corrected["status"] == "completed"
    [entry] = site.call("GET", f"/api/ocr/document/{document_id}/history").json()["data"]
    assert entry["author"] == "ana"
    assert entry["after"]["finalDecision"] == "MANUAL_REVIEW"
    assert site.call("POST", review, json={}).status_code == 400
    for method, path in (
        ("GET", f"/api/ocr/document/{document_id}"),
        ("POST", review),
        ("DELETE", f"/api/ocr/delete/{document_id}"),
    ):
        assert site.call(method, path, "ben", json=correction).status_code == 404
        assert site.call(method, path, None).status_code == 401
    assert site.call("DELETE", f"/api/ocr/delete/{document_id}").status_code == 200
    assert site.call("GET", f"/api/ocr/document/{document_id}").status_code == 404
    assert site.s3.list_objects_v2(Bucket=site.settings.bucket).get("KeyCount") == 0
    # A file that comes after its document has gone does not stay.
    site.s3.put_object(Bucket=site.settings.bucket, Key=key_of(document_id), Body=LETTER)
    site.arrived(key_of(document_id))
    assert site.s3.list_objects_v2(Bucket=site.settings.bucket).get("KeyCount") == 0


def test_addresses_go_to_the_engine_by_the_stream_and_who_asked_is_told_once(site: Site) -> None:
    """004-03 004-T6 004-T14: the answer waits for nobody; a signed callback ends it; a later correction is not sent on."""
    taken = site.submit("by-address", url_response=site.asker.url)
    assert taken.json() == {
        "success": True,
        "data": {
            "success": True,
            "requestId": taken.json()["data"]["requestId"],
            "documents": [
                {
                    "id": "by-address",
                    "platform_document_id": "by-address",
                    "status": "pending",
                }
            ],
            "message": "1 documents were taken",
        },
    }
    sent = site.sent("by-address")
    assert sent["documents"][0]["file_url"] == "https://files.example.org/by-address.pdf"
    until(lambda: site.document("by-address")["status"] == "processing")
    body = json.dumps(result("by-address")).encode()
    for at_s in (time.time() - 301, time.time()):
        answer = site.call(
            "POST", "/api/ocr/callback", None, content=body, headers=signed(body, at_s)
        )
        assert answer.status_code == (200 if time.time() - at_s < 300 else 401)
    told = site.answered("by-address")
    assert told["final_decision"] == "APPROVED"
    assert told["data_structure"]["nombre_completo"] == "ANA"
    review = {"finalDecision": "REJECTED"}
    assert site.call("POST", "/api/ocr/document/by-address/review", json=review).status_code == 200
    # The stream keeps the order: when the second document's end was told, the first one's review had been passed over.
    site.submit("after-it", url_response=site.asker.url)
    site.sent("after-it")
    end = {"documentId": "after-it", "status": "failed", "error": "unreadable"}
    assert site.call("POST", "/api/ocr/notify-update", "eva", json=end).status_code == 200
    site.answered("after-it")
    bodies = [json.loads(one) for _, one in site.asker.requests]
    assert [one["platform_document_id"] for one in bodies] == ["by-address", "after-it"]


def test_what_cannot_be_taken_is_refused_and_nothing_of_it_is_stored(site: Site) -> None:
    """004-T15 and 3.1 of the contract: the message names the field."""
    assert site.submit("taken-once").status_code == 200
    again = site.submit("never-stored", "taken-once")
    assert again.status_code == 409
    assert again.json()["code"] == "ocr_document_exists"
    assert site.call("GET", "/api/ocr/document/never-stored").status_code == 404
    assert site.submit(*(f"n-{n}" for n in range(31))).status_code == 400
    path = "/api/ocr/process-documents"
    one = {
        "file_name": "a.pdf",
        "file_url": "https://files.example.org/a.pdf",
        "platform_document_id": "a",
    }
    for change, named in (
        ({"file_url": "http://169.254.169.254/latest"}, "inside"),
        ({"file_url": "ftp://files.example.org/a.pdf"}, "http"),
        ({"file_name": "a.docx"}, "a.docx"),
        ({"platform_document_id": "a/b"}, "a/b"),
    ):
        body = {"owner_user_name": "Ana", "documents": [{**one, **change}]}
        refused = site.call("POST", path, json=body)
        assert refused.status_code == 400, refused.text
        assert named in refused.json()["error"]
    assert "owner_user_name" in site.call("POST", path, json={"documents": [one]}).json()["error"]
    assert site.call("POST", path, content=b"no json").status_code == 400
    files: dict[str, Any] = {"files": [{"file_name": "a.exe"}]}
    assert site.call("POST", "/api/ocr/upload-links", json=files).status_code == 400
    for who, status in ((None, 401), ("nobody", 403)):
        assert site.call("POST", path, who, json={}).status_code == status
    unknown = {"documentId": "nobody-knows-it", "status": "completed"}
    for who, status in (("ana", 403), ("eva", 404)):
        assert site.call("POST", "/api/ocr/notify-update", who, json=unknown).status_code == status
    assert site.gateway.failures == []


def test_lists_go_on_where_they_ended_for_users_and_administrators(site: Site) -> None:
    """004-06: every document once, the own ones, or all of a status."""
    wanted = {f"listed-{n}" for n in range(7)}
    for one in sorted(wanted):
        assert site.submit(one, who="ben").status_code == 200
    ended = {"listed-1", "listed-4"}
    for one in ended:
        body = {"documentId": one, "status": "completed"}
        assert site.call("POST", "/api/ocr/notify-update", "root", json=body).status_code == 200

    def all_of(who: str, status: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            query = {"status": status, "limit": "3", **({"cursor": cursor} if cursor else {})}
            answer = site.call("GET", "/api/ocr/documents", who, params=query)
            assert answer.status_code == 200, answer.text
            part = answer.json()
            assert len(part["data"]) <= 3
            found += part["data"]
            cursor = part.get("cursor")
            if cursor is None:
                return found

    for who, status, exact in (
        ("ben", "all", wanted),
        ("ben", "completed", ended),
        ("root", "all", None),
        ("root", "completed", None),
    ):
        found = all_of(who, status)
        ids = [one["id"] for one in found]
        assert len(ids) == len(set(ids))
        assert set(ids) == exact if exact is not None else set(ids) >= ended
        times = [one["createdAt"] for one in found]
        assert times == sorted(times, reverse=True)
    for query in ({"status": "dancing"}, {"limit": "0"}, {"cursor": "nonsense"}):
        assert site.call("GET", "/api/ocr/documents", "ben", params=query).status_code == 400


def test_corrections_at_the_same_time_are_all_kept(site: Site) -> None:
    """A change is written only over the row that it has read."""
    site.submit("busy")
    end = {"documentId": "busy", "status": "completed", "ocrResult": {"confidence": 80}}
    assert site.call("POST", "/api/ocr/notify-update", "eva", json=end).status_code == 200
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(
            lambda n: (
                site.call(
                    "POST", "/api/ocr/document/busy/review", json={"fields": {f"field-{n}": n}}
                ).status_code
            ),
            range(4),
        )
        assert list(answers) == [200] * 4
    assert site.document("busy")["ocrResult"]["fields"] == {f"field-{n}": n for n in range(4)}
    assert len(site.call("GET", "/api/ocr/document/busy/history").json()["data"]) == 4


def test_what_the_engine_forgets_is_expired_and_test_data_can_be_removed(site: Site) -> None:
    """004-T16: the clock calls a function; what is in time stays."""
    hasty = msgspec.structs.replace(
        site.settings, ocr=msgspec.structs.replace(site.settings.ocr, answer_limit_s=0.001)
    )
    event = {
        "requestContext": {"authorizer": {"lambda": {"user": "ana"}}, "http": {"method": "POST"}},
        "rawPath": "/api/ocr/upload-links",
        "body": json.dumps({"files": [{"file_name": "lost.png"}], "is_test": True}),
    }
    told = json.loads(Http(hasty).handle(event)["body"])["data"]["documents"][0]
    site.submit("in-time")
    until(lambda: site.outward.expire({}) or site.document(told["id"])["status"] == "failed")
    assert site.document(told["id"])["error"] == "expired"
    assert site.document("in-time")["status"] in ("pending", "processing")
    assert site.call("POST", "/api/ocr/cleanup-test-documents").json()["deleted"] == 1
    assert site.call("GET", f"/api/ocr/document/{told['id']}").status_code == 404


def test_pages_of_every_origin_may_call_with_a_key_and_never_with_credentials(site: Site) -> None:
    """004-24: the gateway answers preflights with the headers of the contract."""
    origin = {"Origin": "https://page.example.org"}
    asked = {**origin, "Access-Control-Request-Method": "POST"}
    preflight = site.http.options("/api/ocr/process-documents", headers=asked)
    assert preflight.headers["access-control-allow-headers"].split(",") == [
        *("Content-Type", "Authorization", "X-Amz-Date", "X-Api-Key", "X-Amz-Security-Token"),
        *("Sec-WebSocket-Protocol", "Sec-WebSocket-Version", "Sec-WebSocket-Key"),
    ]
    for answer in (preflight, site.http.get("/api/ocr/health", headers=origin)):
        assert answer.status_code in (200, 204)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


def test_the_template_has_a_route_for_each_operation_and_the_settings_that_they_need() -> None:
    """004-18 004-19 004-T13: no route without an operation; what is missing is named."""
    environment = dict.fromkeys(TEMPLATE["provider"]["environment"], "https://x.example/rest")
    environment |= {"STAGE": "rest", "AWS_REGION": REGION}
    settings = read_settings(environment)
    assert check_engine(settings) == "https://x.example/rest"
    assert settings.documents == "ocr-documents-rest"
    bare = {name: environment[name] for name in ("STAGE", "AWS_REGION", "WEBSOCKET_ENDPOINT")}
    with pytest.raises(
        ConfigError, match="OCR_ORCHESTRATOR_URL, CALLBACK_BASE_URL, OCR_ENGINE_SECR"
    ):
        check_engine(read_settings(bare))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        http = Http(
            AwsSettings(stage="x", region=REGION, websocket_endpoint="https://x", bucket="x")
        )
    for route in routes():
        event = {
            "requestContext": {"http": {"method": route.method}, "stage": "rest"},
            "rawPath": "/rest" + route.path.replace("{document_id}", "d-1"),
        }
        told = json.loads(http.handle(event)["body"])
        assert told.get("code") != "not_found", route
        # Without a caller nothing is done but what needs none.
        assert route.needs_caller == (told.get("code") == "unauthenticated"), (route, told)
    actions = {
        action
        for statement in TEMPLATE["provider"]["iam"]["role"]["statements"]
        for action in statement["Action"]
    }
    assert actions >= {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "dynamodb:PutItem"}
