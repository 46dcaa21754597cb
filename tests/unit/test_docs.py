"""
The reference names all that a user can meet, and nothing that is gone.
"""

import ast
import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import msgspec
import pytest

from avance import Avance, errors
from avance.app.sections import all_sections
from avance.cli import main
from avance.config import describe, read_settings
from avance.edge.http.problem import CODES
from avance.model import event
from avance.model.stream import stamp
from avance.protocol import codes

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs/en/reference"


def headings(page: str) -> set[str]:
    """
    What stands in backticks at the start of a heading of the third level.
    """
    return set(re.findall(r"^### `([^`]+)`", (REFERENCE / page).read_text("utf-8"), re.MULTILINE))


def first_column(page: str) -> set[str]:
    """
    What stands in backticks in the first column of a table.
    """
    return set(re.findall(r"^\| `([^`]+)` \|", (REFERENCE / page).read_text("utf-8"), re.MULTILINE))


def event_types() -> dict[str, list[type[msgspec.Struct]]]:
    found: dict[str, list[type[msgspec.Struct]]] = {}
    for value in vars(event).values():
        if isinstance(value, type) and issubclass(value, msgspec.Struct):
            tag = value.__struct_config__.tag
            # The base of the envelope has only the name that msgspec gives by default.
            if isinstance(tag, str) and tag != value.__name__:
                found.setdefault(tag, []).append(value)
    return found


def error_codes() -> set[str]:
    """
    The codes that the source names: of the error classes, of the framework's statuses, and those given where an error is made.
    """
    found = {
        value.code
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.AvanceError)
    }
    found.update(CODES.values())
    for path in (ROOT / "src/avance").rglob("*.py"):
        if path.is_relative_to(ROOT / "src/avance/testing"):
            continue
        source = path.read_text("utf-8")
        if "code" in source:
            for node in ast.walk(ast.parse(source)):
                found.update(literal_codes(node))
    return found


def literal_codes(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.keyword(arg="code", value=ast.Constant(value=str(code))):
            yield code
        case ast.keyword(arg="code", value=ast.IfExp() as choice):
            for part in (choice.body, choice.orelse):
                yield from literal_codes(ast.keyword(arg="code", value=part))
        case ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(code))):
            yield code
        case ast.Call(
            func=ast.Name(id="problem" | "_end_with"),
            args=[_, ast.Constant(value=str(code)), *_],
        ):
            yield code


def wire_codes() -> set[str]:
    kinds = (codes.ErrorCode, codes.DisconnectCode, codes.UnsubscribeCode)
    return {str(value.code) for value in vars(codes).values() if isinstance(value, kinds)}


def build(kind: type[msgspec.Struct], given: Mapping[str, object]) -> msgspec.Struct:
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name not in given:
            continue
        value = given[field.encode_name]
        is_raw = field.type in (msgspec.Raw, msgspec.Raw | None)
        values[field.name] = (
            msgspec.Raw(msgspec.json.encode(value))
            if is_raw
            else msgspec.convert(value, field.type)
        )
    return kind(**values)


def commands(path: str, command: click.Command) -> Iterator[str]:
    yield path
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from commands(f"{path} {name}", child)


def examples(page: str) -> list[str]:
    return re.findall(r"```json\n(.+?)\n```", (REFERENCE / page).read_text("utf-8"), re.DOTALL)


def test_every_event_type_is_documented() -> None:
    assert headings("events.md") == set(event_types())


@pytest.mark.parametrize("example", examples("events.md"))
def test_an_example_of_an_event_has_the_bytes_that_we_send(example: str) -> None:
    given = json.loads(example)
    candidates = event_types()[given["type"]]
    if given["type"] == "snapshot":
        name = "job" if "job" in given else "jobs"
        candidates = [kind for kind in candidates if name in kind.__struct_fields__]
    (kind,) = candidates
    assert stamp(event.encode(build(kind, given)), given["seq"]).decode() == example


def test_every_error_code_is_documented() -> None:
    assert headings("errors.md") == error_codes()


def test_every_setting_is_documented() -> None:
    assert headings("settings.md") == {setting.env for setting in describe(all_sections())}


def test_every_command_is_documented() -> None:
    assert headings("cli.md") == set(commands("avance", main))


def test_every_route_is_documented(tmp_path: Path) -> None:
    settings = read_settings(env={}, overrides={"data": str(tmp_path)})
    app = Avance(settings=settings).build().http()
    beside = {path for route in app.routes if (path := getattr(route, "path", None))}
    described = {
        f"{method.upper()} {path}"
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    }
    # The console is there only where its files were built; the page always has it.
    assert headings("http.md") == beside - {"/console"} | {"/console/"} | described


def test_every_code_of_the_client_protocol_is_documented() -> None:
    assert first_column("protocol-codes.md") == wire_codes()


@pytest.mark.parametrize(
    "page",
    sorted(
        p.relative_to(ROOT).as_posix()
        for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/e[ns]/**/*.md")]
    ),
)
def test_the_code_on_a_page_is_code_that_the_tests_run(page: str) -> None:
    programs = [
        path.read_text("utf-8") for path in (ROOT / "docs/examples").iterdir() if path.is_file()
    ]
    shown = re.findall(
        r"```(?:python|js|javascript)\n(.+?)```", (ROOT / page).read_text("utf-8"), re.DOTALL
    )
    for block in shown:
        # A page may show the inside of a function without its indentation.
        forms = [textwrap.indent(block, " " * width) for width in (0, 4, 8)]
        assert any(form in program for program in programs for form in forms), (
            f"{page} shows what is in no file of docs/examples:\n{block}"
        )


@pytest.mark.parametrize(
    "page",
    sorted(
        path.relative_to(ROOT).as_posix()
        for pattern in ("*.md", "docs/**/*.md", "examples/*.md")
        for path in ROOT.glob(pattern)
    ),
)
def test_every_link_leads_to_a_file(page: str) -> None:
    path = ROOT / page
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
    lost = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert lost == []


def test_every_page_can_be_found_from_the_menu() -> None:
    docs = ROOT / "docs"
    menu = set(re.findall(r"(\S+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE))
    pages = {
        path.relative_to(docs).as_posix()
        for folder in ("en", "es", "adr")
        for path in (docs / folder).rglob("*.md")
    }
    assert pages - menu == set()
    assert {page for page in menu if page.startswith(("en/", "es/", "adr/"))} - pages == set()


@pytest.mark.parametrize("kind", ["tutorial", "howto", "concepts"])
def test_what_is_told_in_english_is_told_in_spanish(kind: str) -> None:
    names = [
        {path.name for path in (ROOT / "docs" / language / kind).iterdir()}
        for language in ("en", "es")
    ]
    assert names[0] == names[1]
