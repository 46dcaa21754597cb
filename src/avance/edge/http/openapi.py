"""
OpenAPI from the structs that the routes check against.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from avance.edge.http.inbox_shapes import KINDS as INBOX_KINDS
from avance.edge.http.operation_shapes import KINDS as OPERATION_KINDS
from avance.edge.http.problem import MEDIA_TYPE, Problem
from avance.edge.http.schema import REF, schemas_of
from avance.edge.http.shapes import KINDS
from avance.model.job import JobView

Endpoint = Callable[[Request], Awaitable[Response]]
_KINDS = "avance_kinds"


def described(
    router: APIRouter,
    method: str,
    path: str,
    endpoint: Endpoint,
    *,
    query: type[msgspec.Struct] | None = None,
    body: type[msgspec.Struct] | None = None,
    answer: type[msgspec.Struct] | None = None,
    status: int = 200,
    is_public: bool = False,
    is_hidden: bool = False,
    media_type: str = "application/json",
    name: str | None = None,
) -> None:
    """
    Add a route, with what it takes and answers.
    """
    extra: dict[str, Any] = {}
    if query is not None:
        extra["parameters"] = list(_parameters(query))
    if body is not None:
        extra["requestBody"] = {"required": True, "content": _content(body, "application/json")}
    if is_public:
        extra["security"] = []
    schema: Mapping[str, Any] = {} if answer is None else {"$ref": REF.format(name=answer.__name__)}
    content = {} if status == 204 else {"content": {media_type: {"schema": schema}}}
    path_parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _names_in(path)
    ]
    if path_parameters:
        extra["parameters"] = [*path_parameters, *extra.get("parameters", [])]
    router.add_api_route(
        path,
        endpoint,
        methods=[method],
        status_code=status,
        response_model=None,
        response_class=Response,
        operation_id=f"{(router.tags or ['avance'])[0]}_{name or endpoint.__name__}",
        summary=inspect.cleandoc(endpoint.__doc__ or "").partition("\n")[0],
        responses={
            status: {"description": "The answer.", **content},
            "4XX": {
                "description": "The request was refused; `code` tells why.",
                "content": {MEDIA_TYPE: {"schema": {"$ref": REF.format(name="Problem")}}},
            },
            "5XX": {
                "description": "The server failed, or is not ready.",
                "content": {MEDIA_TYPE: {"schema": {"$ref": REF.format(name="Problem")}}},
            },
        },
        openapi_extra=extra,
        include_in_schema=not is_hidden,
    )
    setattr(router.routes[-1], _KINDS, [kind for kind in (query, body, answer) if kind])


def described_in(router: APIRouter) -> Sequence[APIRoute]:
    """
    The routes of a router all of whose routes are described; of another one none.
    """
    routes = [route for route in router.routes if isinstance(route, APIRoute)]
    has_only_described = len(routes) == len(router.routes) and all(
        hasattr(route, _KINDS) for route in routes
    )
    return routes if has_only_described else ()


def kinds_of(routes: Iterable[BaseRoute]) -> list[type[msgspec.Struct]]:
    """
    The types that described routes name.
    """
    return list(dict.fromkeys(kind for route in routes for kind in getattr(route, _KINDS, ())))


def write_openapi(
    routes: Sequence[BaseRoute],
    *,
    title: str,
    version: str,
    description: str,
    kinds: Iterable[type[msgspec.Struct]] = (),
) -> Callable[[], dict[str, Any]]:
    """
    The document, made at the first request and kept.

    Args:
        kinds: Types of apps, beside those of avance itself.
    """
    made: dict[str, Any] = {}

    def document() -> dict[str, Any]:
        if not made:
            made.update(_document(routes, title, version, description, tuple(kinds)))
        return made

    return document


def _document(
    routes: Sequence[BaseRoute],
    title: str,
    version: str,
    description: str,
    kinds: tuple[type[msgspec.Struct], ...],
) -> dict[str, Any]:
    document = get_openapi(title=title, version=version, description=description, routes=routes)
    _, schemas = schemas_of((Problem, JobView, *KINDS, *INBOX_KINDS, *OPERATION_KINDS, *kinds))
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(schemas)
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    document["security"] = [{"bearer": []}, {"key": []}]
    return document


def _content(kind: type[msgspec.Struct], media_type: str) -> Mapping[str, Any]:
    return {media_type: {"schema": {"$ref": REF.format(name=kind.__name__)}}}


def _parameters(query: type[msgspec.Struct]) -> Iterable[Mapping[str, Any]]:
    _, components = schemas_of([query])
    for name, schema in components[query.__name__]["properties"].items():
        yield {"name": name, "in": "query", "required": False, "schema": schema}


def _names_in(path: str) -> Iterable[str]:
    return (part[1:-1] for part in path.split("/") if part.startswith("{"))
