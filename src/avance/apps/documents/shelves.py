"""
Collections as their owners see and set them.
"""

from functools import partial

import msgspec

from avance.errors import Conflict
from avance.storage import Changes, Records, Row, Rows


class Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """
    A collection with what is in it.
    """

    name: str
    documents: int
    chunks: int
    is_shared: bool
    is_own: bool
    embedding_model: str | None
    dimensions: int | None
    hybrid_weight: float
    created_ms: int


_SELECT = (
    "SELECT c.name, count(f.id), coalesce(sum(f.chunks), 0), c.is_shared, c.owner, c.embedding_model, c.dimensions,"
    " c.hybrid_weight, c.created_ms FROM documents_collections c LEFT JOIN documents_files f"
    " ON f.collection_id = c.id AND f.is_ready = 1 AND f.generation = c.generation"
)
_GROUP = (
    "GROUP BY c.id, c.name, c.is_shared, c.owner, c.embedding_model, c.dimensions, c.hybrid_weight,"
    " c.created_ms ORDER BY c.name, c.id"
)


class Shelves:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def of(self, owner: str, tenant: str | None) -> list[Shelf]:
        """
        The collections that somebody may ask: the own ones, and those that are shared.
        """
        return await self._records.read(partial(_of, owner, tenant or ""), is_long=True)

    async def set(
        self,
        owner: str,
        tenant: str | None,
        name: str,
        *,
        hybrid_weight: float | None,
        is_shared: bool | None,
        new_name: str | None = None,
    ) -> bool:
        """
        Change an own collection, all of it or nothing. Answers whether there is one.

        Raises:
            Conflict: Its owner has another one of the new name (code `collection_exists`).
        """
        return await self._records.write(
            partial(_set, owner, tenant or "", name, hybrid_weight, is_shared, new_name)
        )


def _of(owner: str, tenant: str, rows: Rows) -> list[Shelf]:
    found = rows.all(
        f"{_SELECT} WHERE c.tenant = ? AND (c.owner = ? OR c.is_shared = 1) {_GROUP}",
        tenant,
        owner,
    )
    return [_shelf(row, owner) for row in found]


def _set(
    owner: str,
    tenant: str,
    name: str,
    hybrid_weight: float | None,
    is_shared: bool | None,
    new_name: str | None,
    changes: Changes,
) -> bool:
    changed = changes.run(
        "UPDATE documents_collections SET hybrid_weight = coalesce(?, hybrid_weight), is_shared = coalesce(?, is_shared)"
        " WHERE owner = ? AND tenant = ? AND name = ?",
        hybrid_weight,
        None if is_shared is None else int(is_shared),
        owner,
        tenant,
        name,
    )
    if changed and new_name is not None and new_name != name:
        _rename(owner, tenant, name, new_name, changes)
    return changed > 0


def _rename(owner: str, tenant: str, name: str, new_name: str, changes: Changes) -> None:
    """
    All that belongs to a collection is kept by its id. What is still to come is kept by its name, and goes along.
    """
    if changes.one(
        "SELECT 1 FROM documents_collections WHERE tenant = ? AND owner = ? AND name = ?",
        tenant,
        owner,
        new_name,
    ):
        raise Conflict(
            f"there is a collection {new_name} already; choose another name, or remove that one first",
            code="collection_exists",
            collection=new_name,
        )
    changes.run(
        "UPDATE documents_collections SET name = ? WHERE tenant = ? AND owner = ? AND name = ?",
        new_name,
        tenant,
        owner,
        name,
    )
    for table in ("documents_batches", "documents_arrivals"):
        changes.run(
            f"UPDATE {table} SET collection = ? WHERE coalesce(tenant, '') = ? AND owner = ? AND collection = ?",
            new_name,
            tenant,
            owner,
            name,
        )


def _shelf(row: Row, owner: str) -> Shelf:
    return Shelf(
        name=row[0],
        documents=int(row[1]),
        chunks=int(row[2]),
        is_shared=bool(row[3]),
        is_own=row[4] == owner,
        embedding_model=row[5],
        dimensions=row[6],
        hybrid_weight=float(row[7]),
        created_ms=row[8],
    )
