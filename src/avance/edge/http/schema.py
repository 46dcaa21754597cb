"""
JSON Schema of the structs that go over the wire.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

REF = "#/components/schemas/{name}"


def schemas_of(
    kinds: Iterable[type[msgspec.Struct]],
) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    """
    A reference for each type, and all the schemas that they need by name.
    """
    return msgspec.json.schema_components(kinds, schema_hook=_any, ref_template=REF)


def _any(kind: type) -> dict[str, Any]:
    """
    `object` is what JSON can say; msgspec asks about it, and takes no empty answer.
    """
    if kind is object:
        return {"description": "Any JSON value."}
    raise NotImplementedError
