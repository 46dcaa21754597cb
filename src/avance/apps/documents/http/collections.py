"""
Collections: what there is, how it is searched, who may ask it.
"""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avance.apps.documents import app
from avance.apps.documents.catalog import Catalog
from avance.apps.documents.http.ingest import answered
from avance.apps.documents.http.uploads import COLLECTION
from avance.apps.documents.shelves import Shelf, Shelves
from avance.apps.documents.words import iso_z
from avance.errors import AvanceError, NotFound, PermissionDenied
from avance.web import Caller, caller, described, read_json

router = APIRouter(prefix="/collections", tags=["collections"])


class NewCollection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(pattern=COLLECTION)]


class CollectionChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(pattern=COLLECTION)] | None = None
    """What it is called from now on; its documents, passages, vectors and who may ask it stay."""
    hybrid_weight: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    """The share of meaning in the ranking, where embeddings are configured; 0 is words alone."""
    is_shared: bool | None = None
    """Whether everybody of the tenant may ask it; only an admin shares."""


async def list_collections(request: Request) -> Response:
    """
    The collections that the caller may ask.
    """
    who = caller(request)
    who.require_whole()
    found = await Shelves(app.host.records).of(who.user, who.identity.tenant)
    return answered({"collections": [_shown(one) for one in found], "total": len(found)})


async def create(request: Request) -> Response:
    """
    Make an empty collection of the caller; one that is there stays as it is.
    """
    who = caller(request)
    who.require_whole()
    name = (await read_json(request, NewCollection)).name
    await Catalog(app.host.records).place(who.user, who.identity.tenant, name, fresh=False)
    found = await Shelves(app.host.records).of(who.user, who.identity.tenant)
    return answered(next(_shown(one) for one in found if one.is_own and one.name == name))


async def change(request: Request) -> Response:
    """
    Rename an own collection, set how it is searched and who may ask it.
    """
    who = caller(request)
    who.require_whole()
    name = request.path_params["name"]
    wanted = await read_json(request, CollectionChange)
    if wanted.is_shared is not None and not who.is_admin:
        raise PermissionDenied("only an admin shares a collection")
    shelves = Shelves(app.host.records)
    is_there = await shelves.set(
        who.user,
        who.identity.tenant,
        name,
        hybrid_weight=wanted.hybrid_weight,
        is_shared=wanted.is_shared,
        new_name=wanted.name,
    )
    if not is_there:
        raise await _refusal(who, name)
    found, now = await shelves.of(who.user, who.identity.tenant), wanted.name or name
    return answered(next(_shown(one) for one in found if one.is_own and one.name == now))


async def _refusal(who: Caller, name: str) -> AvanceError:
    if await Catalog(app.host.records).find(who.user, who.identity.tenant, name) is None:
        return NotFound(f"there is no collection {name}", code="collection_not_found")
    return PermissionDenied(f"{name} is shared with you; only its owner changes it")


def _shown(shelf: Shelf) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(shelf)
    del told["created_ms"]
    return {**told, "created_at": iso_z(shelf.created_ms)}


described(router, "GET", "", list_collections)
described(router, "POST", "", create, body=NewCollection)
described(router, "PATCH", "/{name}", change, body=CollectionChange)
