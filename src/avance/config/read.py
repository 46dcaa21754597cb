"""
Put the settings together: command line over environment over file over default.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from avance.config.describe import Sections, SettingDoc, describe, own_sections
from avance.config.settings import Settings
from avance.config.values import convert, flatten, read_api_keys
from avance.edge.http.origin import ANY
from avance.errors import ConfigError
from avance.hub.namespaces import INBOX, JOB, JOBS, RESERVED, TOPIC, Allow, Namespace

FILE_BYTES_MAX = 1_048_576
PREFIX = "AVANCE_"
NOT_SETTINGS = frozenset({"AVANCE_CONFIG", "AVANCE_URL", "AVANCE_TOKEN", "AVANCE_API_KEY"})
"""Read by the command line as a client."""
NOT_SETTINGS_PREFIXES = ("AVANCE_TEST_", "AVANCE_BENCH_", "AVANCE_CHILD_")

Found = dict[str, tuple[str, object]]
"""By the name of the setting: where it was found, and its value."""


def read_settings(
    path: str | Path | None = None,
    *,
    env: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
    sections: Sections | None = None,
) -> Settings:
    """
    Read and check all settings.

    Args:
        path: The TOML file; by default what `AVANCE_CONFIG` names, if anything.
        env: By default the environment of the process. An empty value counts as not set.
        overrides: By name, as `host` or `http.wait_s_max`; None counts as not set.
        sections: Settings of backends and apps.

    Raises:
        ConfigError: One is wrong, unknown, or the file cannot be read.
    """
    variables = os.environ if env is None else env
    docs = {doc.name: doc for doc in describe(sections)}
    chosen = path or variables.get("AVANCE_CONFIG") or None
    table = {} if chosen is None else _read_file(Path(chosen))
    namespaces = _namespaces(table.pop("namespaces", {}), str(chosen))
    found = _from_file(table, str(chosen), docs)
    found.update(_from_environment(variables, docs))
    found.update(_from_overrides(overrides or {}, docs))
    return _build(found, docs, namespaces, sections or {})


def _read_file(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ConfigError(f"the settings file {path} is over {FILE_BYTES_MAX} bytes")
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"the settings file {path} cannot be read ({error.strerror}); correct --config or AVANCE_CONFIG",
            setting="config",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the settings file {path} is not TOML: {error}", setting="config"
        ) from error


def _from_file(table: Mapping[str, Any], path: str, docs: Mapping[str, SettingDoc]) -> Found:
    found: Found = {}
    for name, value in flatten(table).items():
        if name not in docs:
            raise _unknown(name, f"in {path}", docs)
        found[name] = (path, value)
    return found


def _from_environment(variables: Mapping[str, str], docs: Mapping[str, SettingDoc]) -> Found:
    by_alias = {alias: doc.name for doc in docs.values() for alias in doc.aliases}
    by_env = {doc.env: doc.name for doc in docs.values()}
    found: Found = {}
    for alias, name in by_alias.items():
        if variables.get(alias):
            found[name] = (alias, variables[alias])
    for variable, value in variables.items():
        if not variable.startswith(PREFIX) or _is_other(variable):
            continue
        if variable not in by_env:
            raise _unknown(variable, "in the environment", {doc.env: doc for doc in docs.values()})
        if value:
            found[by_env[variable]] = (variable, value)
    return found


def _from_overrides(overrides: Mapping[str, object], docs: Mapping[str, SettingDoc]) -> Found:
    found: Found = {}
    for name, value in overrides.items():
        if name not in docs:
            raise _unknown(name, "given in code", docs)
        if value is not None and value != ():
            found[name] = ("--" + name.replace("_", "-"), value)
    return found


def _is_other(variable: str) -> bool:
    return variable in NOT_SETTINGS or variable.startswith(NOT_SETTINGS_PREFIXES)


def _build(
    found: Found,
    docs: Mapping[str, SettingDoc],
    namespaces: tuple[Namespace, ...],
    sections: Sections,
) -> Settings:
    values: dict[str, dict[str, Any]] = {"": {}}
    for name, (where, value) in found.items():
        section, _, field = name.rpartition(".")
        values.setdefault(section, {})[field] = _value(name, where, value, docs[name])
    own: dict[str, Any] = {
        section: struct(**values[section])
        for section, struct in own_sections().items()
        if section in values
    }
    others = {section: struct(**values.get(section, {})) for section, struct in sections.items()}
    if values[""].get("allow_open_bind"):
        # Whoever lets others in lets them call the server by any name, unless the names are listed.
        values[""].setdefault("hosts", (ANY,))
    return Settings(**values[""], **own, namespaces=namespaces, sections=others)


def _value(name: str, where: str, value: object, doc: SettingDoc) -> object:
    if name == "api_keys":
        return read_api_keys(name, where, value)
    return convert(name, where, value, doc.kind)


def _namespaces(table: object, path: str) -> tuple[Namespace, ...]:
    known = {one.name: one for one in (JOB, JOBS, INBOX, TOPIC)}
    if not isinstance(table, Mapping):
        raise ConfigError(f"namespaces in {path} is not a table; write [namespaces.<name>]")
    for name, fields in table.items():
        known[name] = _namespace(name, fields, known.get(name, Namespace(name=name)), path)
    return tuple(known.values())


def _namespace(name: str, fields: object, base: Namespace, path: str) -> Namespace:
    here = f"namespaces.{name}"
    names = [field.name for field in msgspec.structs.fields(Namespace) if field.name != "name"]
    if not isinstance(fields, Mapping):
        raise ConfigError(f"setting {here} in {path} is not a table", setting=here)
    for field in fields:
        if field not in names:
            raise _unknown_name(f"{here}.{field}", f"in {path}", [f"{here}.{one}" for one in names])
    try:
        made = msgspec.convert({**msgspec.to_builtins(base), **fields}, Namespace)
    except msgspec.ValidationError as error:
        raise ConfigError(f"setting {here} in {path} is wrong: {error}", setting=here) from error
    if name in RESERVED and made.allow_publish is not Allow.NOBODY:
        raise ConfigError(
            f"setting {here}.allow_publish in {path} is {made.allow_publish.value!r}; allowed: nobody, because avance alone writes there",
            setting=f"{here}.allow_publish",
        )
    return made


def _unknown(name: str, where: str, docs: Mapping[str, SettingDoc]) -> ConfigError:
    return _unknown_name(name, where, docs)


def _unknown_name(name: str, where: str, known: Iterable[str]) -> ConfigError:
    # Without the prefix, which would make every name look alike.
    by_rest = {one.removeprefix(PREFIX): one for one in known}
    found = difflib.get_close_matches(name.removeprefix(PREFIX), list(by_rest), n=1, cutoff=0.6)
    near = [by_rest[one] for one in found]
    hint = f"did you mean {near[0]}?" if near else "the reference of settings lists all"
    return ConfigError(
        f"there is no setting {name} ({where}); {hint}",
        setting=name,
        nearest=near[0] if near else None,
    )
