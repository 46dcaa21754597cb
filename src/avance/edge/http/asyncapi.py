"""
AsyncAPI 3 of every socket, from the types that the code itself uses.
"""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import Any, get_args

import msgspec

from avance.edge.http.schema import schemas_of
from avance.model import event
from avance.protocol import messages

ASYNCAPI_VERSION = "3.0.0"
CONNECTION_PATHS = {
    "centrifugo": "/connection/websocket",
    "centrifugo_http_stream": "/connection/http_stream",
    "centrifugo_sse": "/connection/sse",
}


class Socket(msgspec.Struct, frozen=True, kw_only=True):
    """
    One socket, or one logical channel inside the Centrifugo protocol.
    """

    name: str
    """In lower case with underscores; the key in the document."""
    address: str
    """A path such as `/ws/jobs/{job_id}`, or a channel such as `job:{job_id}`."""
    summary: str
    sends: tuple[type[msgspec.Struct], ...] = ()
    """What the server sends."""
    receives: tuple[type[msgspec.Struct], ...] = ()
    """What the server takes."""
    parameters: Mapping[str, str] = {}
    """By name, in words."""
    server: str = "avance"


def _kinds(union: object) -> tuple[type[msgspec.Struct], ...]:
    return get_args(union) if isinstance(union, UnionType) else (union,)


CENTRIFUGO = tuple(
    Socket(
        name=name,
        address=address,
        summary="The Centrifugo client protocol, version 2; JSON in lines, and on the WebSocket Protobuf as well.",
        sends=(messages.Reply,),
        receives=(messages.Command,),
    )
    for name, address in CONNECTION_PATHS.items()
)
CHANNELS = (
    Socket(
        name="job",
        address="job:{job_id}",
        summary="One job: its snapshot in the subscribe reply, then its events.",
        sends=(event.Snapshot, *_kinds(event.Body)),
        parameters={"job_id": "The id of the job."},
        server="centrifugo",
    ),
    Socket(
        name="jobs",
        address="jobs:#{user}",
        summary="The jobs of one user: the newest in the subscribe reply, then each change.",
        sends=(event.JobListSnapshot, event.JobListed, event.JobRemoved),
        parameters={"user": "The user, as the token names it."},
        server="centrifugo",
    ),
)

STAMPED: tuple[type[msgspec.Struct], ...] = (
    *_kinds(event.Body),
    event.Snapshot,
    event.JobListed,
    event.JobRemoved,
    event.JobListSnapshot,
)


def write_asyncapi(
    sockets: Sequence[Socket], *, title: str, version: str, description: str
) -> dict[str, Any]:
    """
    The document for the Centrifugo protocol, the channels of jobs, and the sockets of apps.
    """
    described = (*CENTRIFUGO, *CHANNELS, *sockets)
    kinds = list(dict.fromkeys(kind for one in described for kind in (*one.sends, *one.receives)))
    names = _names(kinds)
    payloads, schemas = schemas_of(kinds)
    for kind, payload in zip(kinds, payloads, strict=True):
        if kind in STAMPED:
            # By its reference: where two dialects name a type alike, the schemas have longer names.
            _stamp(schemas[payload["$ref"].rpartition("/")[2]])
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": {"title": title, "version": version, "description": description},
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": {one.name: _channel(one, names) for one in described},
        "operations": dict(_operations(described, names)),
        "components": {
            "messages": {
                names[kind]: _message(kind, payload)
                for kind, payload in zip(kinds, payloads, strict=True)
            },
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "httpApiKey",
                    "in": "query",
                    "name": "token",
                    "description": "A token that ends within 15 minutes; or the Authorization header, or the message of the dialect.",
                }
            },
        },
    }


def _servers() -> Mapping[str, Any]:
    host = {"host": {"default": "127.0.0.1:8030"}}
    return {
        "avance": {
            "host": "{host}",
            "protocol": "ws",
            "description": "Where avance listens; `wss` behind TLS.",
            "variables": host,
            "security": [{"$ref": "#/components/securitySchemes/token"}],
        },
        "centrifugo": {
            "host": "{host}",
            "pathname": CONNECTION_PATHS["centrifugo"],
            "protocol": "ws",
            "protocolVersion": "centrifugo-2",
            "description": "Channels inside a connection of the Centrifugo protocol.",
            "variables": host,
        },
    }


def _stamp(schema: dict[str, Any]) -> None:
    """
    The store writes these two in front of every event of a stream.
    """
    schema["properties"] = {
        "v": {"const": 1},
        "seq": {"type": "integer", "minimum": 1},
        **schema["properties"],
    }
    schema["required"] = ["v", "seq", *schema.get("required", [])]


def _names(kinds: Iterable[type[msgspec.Struct]]) -> Mapping[type, str]:
    """
    A name for each message; types of two dialects may have the same one.
    """
    names: dict[type, str] = {}
    for kind in kinds:
        name = kind.__name__
        while name in names.values():
            name += "_"
        names[kind] = name
    return names


def _channel(one: Socket, names: Mapping[type, str]) -> Mapping[str, Any]:
    shown: dict[str, Any] = {
        "address": one.address,
        "description": one.summary,
        "servers": [{"$ref": f"#/servers/{one.server}"}],
        "messages": {
            names[kind]: {"$ref": f"#/components/messages/{names[kind]}"}
            for kind in (*one.sends, *one.receives)
        },
    }
    if one.parameters:
        shown["parameters"] = {name: {"description": text} for name, text in one.parameters.items()}
    return shown


def _operations(
    sockets: Iterable[Socket], names: Mapping[type, str]
) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for one in sockets:
        for verb, action, kinds in (
            ("send", "send", one.sends),
            ("receive", "receive", one.receives),
        ):
            if kinds:
                yield (
                    f"{verb}_{one.name}",
                    {
                        "action": action,
                        "channel": {"$ref": f"#/channels/{one.name}"},
                        "summary": one.summary,
                        "messages": [
                            {"$ref": f"#/channels/{one.name}/messages/{names[kind]}"}
                            for kind in kinds
                        ],
                    },
                )


def _message(kind: type[msgspec.Struct], payload: Mapping[str, Any]) -> Mapping[str, Any]:
    summary = inspect.cleandoc(kind.__doc__ or "").partition("\n")[0]
    shown: dict[str, Any] = {"name": kind.__name__, "payload": payload}
    if summary:
        shown["summary"] = summary
    return shown
