"""
The routes of tus 1.0.0 below `/uploads/tus`.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import wraps

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from avance.apps.documents import app
from avance.apps.documents.model import EXTENSIONS, OnDuplicate
from avance.apps.documents.settings import DocumentsSettings
from avance.apps.documents.tus.arrivals import ALGORITHMS, Arrival, Checksum
from avance.apps.documents.tus.receiving import abandon, arrivals_of, begin, receive
from avance.errors import InvalidRequest, NotFound
from avance.web import caller, count_start, described

VERSION = "1.0.0"
CONTENT_TYPE = "application/offset+octet-stream"
METADATA_CHARS_MAX = 8_192
Endpoint = Callable[[Request], Awaitable[Response]]

router = APIRouter(prefix="/uploads/tus", tags=["tus"])


class WrongVersion(InvalidRequest):
    code = "tus_version"
    status = 412


class WrongType(InvalidRequest):
    code = "unsupported_media_type"
    status = 415


class BadUpload(InvalidRequest):
    code = "invalid_request"
    status = 400


def of_version(endpoint: Endpoint) -> Endpoint:
    """
    Only for clients that speak this version; every answer names it.
    """

    @wraps(endpoint)
    async def answer(request: Request) -> Response:
        if request.headers.get("tus-resumable") != VERSION:
            raise WrongVersion(
                f"Tus-Resumable is {request.headers.get('tus-resumable')!r}; this server speaks {VERSION}"
            )
        told = await endpoint(request)
        told.headers["tus-resumable"] = VERSION
        return told

    return answer


async def options(request: Request) -> Response:
    """
    What this server can do.
    """
    settings = app.host.settings.section(DocumentsSettings)
    headers = {
        "tus-resumable": VERSION,
        "tus-version": VERSION,
        "tus-max-size": str(settings.file_bytes_max),
        "tus-extension": "creation,creation-with-upload,checksum,expiration,termination",
        "tus-checksum-algorithm": ",".join(ALGORITHMS),
    }
    return Response(status_code=204, headers=headers)


@of_version
async def create(request: Request) -> Response:
    """
    Announce a file; its bytes may come with it.
    """
    who = caller(request)
    who.require_whole()
    count_start(request)
    settings = app.host.settings.section(DocumentsSettings)
    told = _metadata(request.headers.get("upload-metadata", ""))
    name = told.get("filename", "").replace("\\", "/").rpartition("/")[2].strip()
    if not name.lower().endswith(EXTENSIONS):
        raise BadUpload(
            f"the filename in Upload-Metadata is {name!r}; allowed: {', '.join(EXTENSIONS)}",
            code="extension_not_allowed",
        )
    arrival = await begin(
        app.host,
        who,
        filename=name,
        size=_number(request, "upload-length"),
        collection=told.get("collection") or settings.collection,
        policy=_policy(told.get("on_duplicate", "skip")),
    )
    headers = {"location": f"{request.url.path.rstrip('/')}/{arrival.id}", **_expires(arrival)}
    offset = 0
    if request.headers.get("content-type") == CONTENT_TYPE:
        offset = await _received(request, arrival, 0)
    return Response(status_code=201, headers={**headers, "upload-offset": str(offset)})


@of_version
async def head(request: Request) -> Response:
    """
    How many bytes have come.
    """
    arrival = await _own(request)
    await arrivals_of(app.host).settled(arrival)
    # It may have arrived as a whole meanwhile.
    arrival = await _own(request)
    offset = await arrivals_of(app.host).offset(arrival)
    headers = {
        "upload-offset": str(offset),
        "upload-length": str(arrival.size),
        "cache-control": "no-store",
        **_expires(arrival),
    }
    return Response(status_code=200, headers=headers)


@of_version
async def patch(request: Request) -> Response:
    """
    Send what follows.
    """
    if request.headers.get("content-type") != CONTENT_TYPE:
        raise WrongType(f"the body is {request.headers.get('content-type')!r}; send {CONTENT_TYPE}")
    arrival = await _own(request)
    offset = await _received(request, arrival, _number(request, "upload-offset"))
    headers = {"upload-offset": str(offset), **_expires(arrival)}
    return Response(status_code=204, headers=headers)


@of_version
async def delete(request: Request) -> Response:
    """
    Give the upload up.
    """
    await abandon(app.host, await _own(request))
    return Response(status_code=204)


async def _received(request: Request, arrival: Arrival, offset: int) -> int:
    try:
        return await receive(app.host, arrival, offset, request.stream(), _checksum(request))
    except ClientDisconnect:
        # Nobody is there to be answered; what came is kept, and HEAD will tell.
        return await arrivals_of(app.host).offset(arrival)


async def _own(request: Request) -> Arrival:
    who = caller(request)
    who.require_whole()
    arrival_id = request.path_params["upload_id"]
    arrival = await arrivals_of(app.host).find(arrival_id)
    is_gone = arrival is None or arrival.expires_ms <= app.host.clock.now_ms()
    is_ours = arrival is not None and arrival.multipart_id is None and arrival.owner == who.user
    if arrival is None or is_gone or not is_ours:
        raise NotFound(
            f"there is no upload {arrival_id} under way; it has ended, expired, or never was",
            code="upload_not_found",
        )
    return arrival


def _metadata(text: str) -> Mapping[str, str]:
    if len(text) > METADATA_CHARS_MAX:
        raise BadUpload(f"Upload-Metadata is over {METADATA_CHARS_MAX} characters")
    found = {}
    for pair in filter(None, (one.strip() for one in text.split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise BadUpload(f"{key} in Upload-Metadata is no base64 of UTF-8") from error
    return found


def _checksum(request: Request) -> Checksum | None:
    text = request.headers.get("upload-checksum")
    if text is None:
        return None
    algorithm, _, value = text.partition(" ")
    if algorithm not in ALGORITHMS:
        raise BadUpload(f"checksums of {algorithm!r} are not known; use {', '.join(ALGORITHMS)}")
    try:
        return Checksum(algorithm, base64.b64decode(value, validate=True))
    except binascii.Error as error:
        raise BadUpload("the checksum is no base64") from error


def _number(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise BadUpload(f"the header {header} is {text!r}; send a number of bytes")
    return int(text)


def _policy(text: str) -> OnDuplicate:
    try:
        return OnDuplicate(text)
    except ValueError:
        raise BadUpload(f"on_duplicate is {text!r}") from None


def _expires(arrival: Arrival) -> Mapping[str, str]:
    moment = datetime.fromtimestamp(arrival.expires_ms / 1000, UTC)
    return {"upload-expires": format_datetime(moment, usegmt=True)}


described(router, "OPTIONS", "", options, status=204, name="options")
described(router, "POST", "", create, status=201, name="create")
described(router, "HEAD", "/{upload_id}", head, name="head")
described(router, "PATCH", "/{upload_id}", patch, status=204, name="patch")
described(router, "DELETE", "/{upload_id}", delete, status=204, name="delete")
