"""
The routes below `/uploads/direct`.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avance.apps.documents import app
from avance.apps.documents.direct.bucket import part_bytes_of
from avance.apps.documents.direct.receiving import (
    abandon,
    begin,
    complete,
    received,
    sign,
    sizes_of,
)
from avance.apps.documents.http.files import NAME_CHARS_MAX
from avance.apps.documents.http.ingest import answered
from avance.apps.documents.model import EXTENSIONS, OnDuplicate
from avance.apps.documents.settings import DocumentsSettings
from avance.apps.documents.tus.arrivals import Arrival
from avance.apps.documents.tus.receiving import arrivals_of
from avance.apps.reading import Unreadable
from avance.errors import NotFound
from avance.web import caller, count_start, described, read_json

SIGNED_AT_ONCE = 100

router = APIRouter(prefix="/uploads/direct", tags=["direct uploads"])


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    filename: Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_CHARS_MAX)]
    size: Annotated[int, msgspec.Meta(ge=1)]
    collection: Annotated[str, msgspec.Meta(min_length=1, max_length=63)] | None = None
    on_duplicate: OnDuplicate = OnDuplicate.SKIP


class PartNumbers(msgspec.Struct, frozen=True, kw_only=True):
    parts: Annotated[list[int], msgspec.Meta(min_length=1, max_length=SIGNED_AT_ONCE)]


async def create(request: Request) -> Response:
    """
    Announce a file that goes into the bucket in parts.
    """
    who = caller(request)
    who.require_whole()
    count_start(request)
    wanted = await read_json(request, Announcement)
    settings = app.host.settings.section(DocumentsSettings)
    name = wanted.filename.replace("\\", "/").rpartition("/")[2].strip()
    if not name.lower().endswith(EXTENSIONS):
        raise Unreadable(
            f"{name} is of no kind that is taken here; allowed: {', '.join(EXTENSIONS)}",
            code="extension_not_allowed",
            allowed=list(EXTENSIONS),
        )
    arrival = await begin(
        app.host,
        who,
        filename=name,
        size=wanted.size,
        collection=wanted.collection or settings.collection,
        policy=wanted.on_duplicate,
    )
    return answered(_told(arrival), 201)


async def get(request: Request) -> Response:
    """
    Which parts have come; a client that comes back goes on with the others.
    """
    arrival = await _own(request)
    come = [{"part": one.number, "size": one.size} for one in await received(app.host, arrival)]
    return answered({**_told(arrival), "received": come})


async def post_parts(request: Request) -> Response:
    """
    Sign the addresses to which these parts are put.
    """
    arrival = await _own(request)
    wanted = await read_json(request, PartNumbers)
    signed = await sign(app.host, arrival, wanted.parts)
    parts = [{"part": number, "size": size, "url": url} for number, size, url in signed]
    return answered({"parts": parts})


async def post_complete(request: Request) -> Response:
    """
    All parts are there: read the file. The job has the id of the upload.
    """
    arrival = await _own(request)
    await complete(app.host, arrival)
    return answered({"upload_id": arrival.id, "job_id": arrival.id, "status": "received"})


async def delete(request: Request) -> Response:
    """
    Give the upload up; what came is removed from the bucket.
    """
    await abandon(app.host, await _own(request))
    return Response(status_code=204)


async def _own(request: Request) -> Arrival:
    who = caller(request)
    who.require_whole()
    upload_id = request.path_params["upload_id"]
    arrival = await arrivals_of(app.host).find(upload_id)
    if (
        arrival is None
        or arrival.multipart_id is None
        or arrival.owner != who.user
        or arrival.tenant != who.identity.tenant
        or arrival.expires_ms <= app.host.clock.now_ms()
    ):
        raise NotFound(
            f"there is no upload {upload_id} under way; it has ended, expired, or never was",
            code="upload_not_found",
        )
    return arrival


def _told(arrival: Arrival) -> dict[str, Any]:
    return {
        "upload_id": arrival.id,
        "filename": arrival.filename,
        "size": arrival.size,
        "part_bytes": part_bytes_of(arrival.size),
        "parts": len(sizes_of(arrival)),
        "expires_at": datetime.fromtimestamp(arrival.expires_ms / 1000, UTC).isoformat(),
    }


described(router, "POST", "", create, status=201, body=Announcement, name="announce")
described(router, "GET", "/{upload_id}", get, name="come_parts")
described(router, "POST", "/{upload_id}/parts", post_parts, body=PartNumbers, name="sign_parts")
described(router, "POST", "/{upload_id}/complete", post_complete, name="complete")
described(router, "DELETE", "/{upload_id}", delete, status=204, name="give_up")
