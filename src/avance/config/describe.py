"""
Every setting with its names, type, default and meaning: for the reference, for `doctor`, and for suggestions.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, get_type_hints

import msgspec

from avance.config.settings import ALIASES, Settings
from avance.config.values import allowed
from avance.model.secret import Secret

Sections = Mapping[str, type[msgspec.Struct]]
"""Settings of backends and apps: each struct by the name of its section. A class variable `aliases` maps bare names to fields."""


class SettingDoc(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    """In the file; `section.field` stands in the table `[section]`."""
    env: str
    aliases: tuple[str, ...]
    kind: Any
    allowed: str
    default: str
    is_secret: bool
    doc: str


def describe(sections: Sections | None = None) -> list[SettingDoc]:
    """
    All settings in the order of the reference.
    """
    found: list[SettingDoc] = []
    own_sections: dict[str, type[msgspec.Struct]] = {}
    for field, kind in _fields(Settings):
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            own_sections[field.name] = kind
        elif field.name not in ("namespaces", "sections"):
            aliases = tuple(alias for alias, name in ALIASES.items() if name == field.name)
            found.append(_doc(Settings, field, kind, field.name, aliases))
    for section, struct in {**own_sections, **(sections or {})}.items():
        bare: Mapping[str, str] = getattr(struct, "aliases", {})
        for field, kind in _fields(struct):
            aliases = tuple(alias for alias, name in bare.items() if name == field.name)
            found.append(_doc(struct, field, kind, f"{section}.{field.name}", aliases))
    return found


def own_sections() -> Sections:
    """
    The sections of `Settings` itself.
    """
    return {
        field.name: kind
        for field, kind in _fields(Settings)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    }


def env_name(name: str) -> str:
    """
    `http.wait_s_max` is `AVANCE_HTTP_WAIT_S_MAX`.
    """
    return "AVANCE_" + name.replace(".", "_").upper()


def _doc(
    struct: type[msgspec.Struct],
    field: msgspec.structs.FieldInfo,
    kind: Any,
    name: str,
    aliases: tuple[str, ...],
) -> SettingDoc:
    default = field.default
    if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    return SettingDoc(
        name=name,
        env=env_name(name),
        aliases=aliases,
        kind=kind,
        allowed=allowed(kind),
        default=_shown(default),
        is_secret=Secret in (kind, *getattr(kind, "__args__", ())) or name == "api_keys",
        doc=_docstrings(struct).get(field.name, ""),
    )


def _shown(default: object) -> str:
    if default is None or default is msgspec.NODEFAULT or default == ():
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return ",".join(str(one) for one in default)
    return str(default)


@cache
def _fields(struct: type[msgspec.Struct]) -> tuple[tuple[msgspec.structs.FieldInfo, Any], ...]:
    hints = get_type_hints(struct, include_extras=True)
    return tuple((field, hints[field.name]) for field in msgspec.structs.fields(struct))


@cache
def _docstrings(struct: type[msgspec.Struct]) -> Mapping[str, str]:
    """
    The texts under the fields, which Python itself throws away; nothing where the source is not at hand.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(struct)))
    except (OSError, SyntaxError):
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    return dict(_pairs(body))


def _pairs(body: Iterable[ast.stmt]) -> Iterable[tuple[str, str]]:
    name: str | None = None
    for statement in body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
        elif (
            name is not None
            and isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Constant)
        ):
            yield name, inspect.cleandoc(str(statement.value.value))
            name = None
        else:
            name = None
