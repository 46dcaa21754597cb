"""
From what stands in the environment or the file to the type of a setting.
"""

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from avance.errors import ConfigError
from avance.model.secret import Secret
from avance.ports.auth import ApiKey, Role

_DIGEST = re.compile(r"[0-9a-f]{64}")


def convert(name: str, where: str, value: object, kind: Any) -> Any:
    """
    Check one value.

    Raises:
        ConfigError: It names the setting, the value (unless it is secret) and what is allowed.
    """
    plain = _plain_kind(kind)
    is_secret = plain is Secret or ApiKey in get_args(plain)
    if isinstance(value, str) and _is_list(plain):
        value = [part.strip() for part in value.split(",") if part.strip()]
    try:
        converted = msgspec.convert(
            value, kind, strict=not isinstance(value, str | list), dec_hook=_decode
        )
    except msgspec.ValidationError as error:
        shown = "not shown" if is_secret else repr(value)
        raise ConfigError(
            f"setting {name} ({where}) is {shown}; allowed: {allowed(kind)} ({error})",
            setting=name,
            **({} if is_secret else {"value": str(value)}),
        ) from error
    _check_sign(name, where, converted)
    return converted


def allowed(kind: Any) -> str:
    """
    What a setting takes, in words.
    """
    bounds = ""
    if get_origin(kind) is Annotated:
        kind, *metas = get_args(kind)
        bounds = "".join(_bounds(meta) for meta in metas)
    if get_origin(kind) in (Union, UnionType):
        return " or ".join(allowed(one) for one in get_args(kind) if one is not NoneType) + bounds
    if _is_list(kind):
        return f"a list of {allowed(get_args(kind)[0])}"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(str(one.value) for one in kind)
    names = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "text",
        Secret: "text",
        ApiKey: "key=user or key=user:role with a role of " + ", ".join(Role),
    }
    return names.get(kind, str(kind)) + bounds


def _bounds(meta: object) -> str:
    if not isinstance(meta, msgspec.Meta):
        return ""
    words = ((" above", meta.gt), (" from", meta.ge), (" to", meta.le), (" below", meta.lt))
    return "".join(f"{word} {bound}" for word, bound in words if bound is not None)


def _check_sign(name: str, where: str, value: object) -> None:
    numbers: Sequence[object] = value if isinstance(value, tuple) else (value,)
    for number in numbers:
        if isinstance(number, int | float) and not (number >= 0 and math.isfinite(number)):
            raise ConfigError(
                f"setting {name} ({where}) is {number}; allowed: a number of 0 or more",
                setting=name,
                value=str(number),
            )


def _plain_kind(kind: Any) -> Any:
    if get_origin(kind) is Annotated:
        return _plain_kind(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        rest = [one for one in get_args(kind) if one is not NoneType]
        return _plain_kind(rest[0]) if len(rest) == 1 else kind
    return kind


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _decode(kind: type, value: object) -> object:
    if kind is Secret and isinstance(value, str) and value:
        return Secret(value)
    raise ValueError("expected a text that is not empty")


def read_api_keys(name: str, where: str, value: object) -> tuple[ApiKey, ...]:
    """
    Read `key=user[:role]` entries; the keys themselves are forgotten.
    """
    entries = value.split(",") if isinstance(value, str) else value
    if not isinstance(entries, list):
        raise _bad_key(name, where, 0)
    keys = []
    for number, entry in enumerate(entries, 1):
        if isinstance(entry, str) and not entry.strip():
            continue
        key, equals, rest = (entry if isinstance(entry, str) else "").strip().rpartition("=")
        user, _, role = rest.rpartition(":") if ":" in rest else (rest, "", Role.USER.value)
        if not (key and equals and user) or role not in set(Role):
            raise _bad_key(name, where, number)
        keys.append(ApiKey(digest=_digest(key, name, where, number), user=user, role=Role(role)))
    if len({key.digest for key in keys}) < len(keys):
        raise ConfigError(f"setting {name} ({where}) gives one key to two users", setting=name)
    return tuple(keys)


def _digest(key: str, name: str, where: str, number: int) -> bytes:
    if not key.startswith("sha256:"):
        return hashlib.sha256(key.encode()).digest()
    digest = key.removeprefix("sha256:").lower()
    if not _DIGEST.fullmatch(digest):
        raise _bad_key(name, where, number)
    return bytes.fromhex(digest)


def _bad_key(name: str, where: str, number: int) -> ConfigError:
    return ConfigError(
        f"setting {name} ({where}): entry {number} is not {allowed(ApiKey)}", setting=name
    )


def flatten(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    `{"http": {"wait_s_max": 5}}` as `{"http.wait_s_max": 5}`.
    """
    flat: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            flat.update({f"{name}.{inner}": deep for inner, deep in value.items()})
        else:
            flat[name] = value
    return flat
