"""
A question: its settings, what came out, and how that is printed and kept.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.harness.places import CACHE, PEERS, REPOSITORY, RESULTS
from benchmarks.harness.setup import prepare

T = TypeVar("T")
Cell = str | float | int | None


@dataclass(frozen=True, kw_only=True)
class Settings:
    quick: bool = False

    def pick(self, full: T, quick: T) -> T:
        return quick if self.quick else full


@dataclass(kw_only=True)
class Table:
    title: str
    columns: Sequence[str]
    rows: list[Sequence[Cell]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Target:
    """
    What the project promises of this measure, and what this run showed.
    """

    measure: str
    wanted: str
    got: str
    is_met: bool


@dataclass(kw_only=True)
class Outcome:
    tables: list[Table] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    plots: dict[str, str] = field(default_factory=dict)
    """A name and an SVG."""
    samples: list[dict[str, Any]] = field(default_factory=list)
    """Everything that was measured, for whoever wants to count again."""

    def at_least(self, measure: str, got: float, wanted: float, unit: str = "") -> None:
        self._target(measure, f"≥ {wanted:g}{unit}", f"{got:.3g}{unit}", got >= wanted)

    def at_most(self, measure: str, got: float, wanted: float, unit: str = "") -> None:
        self._target(measure, f"≤ {wanted:g}{unit}", f"{got:.3g}{unit}", got <= wanted)

    def holds(self, measure: str, is_met: bool, got: str = "") -> None:
        self._target(measure, "yes", got or ("yes" if is_met else "no"), is_met)

    def _target(self, measure: str, wanted: str, got: str, is_met: bool) -> None:
        self.targets.append(Target(measure=measure, wanted=wanted, got=got, is_met=is_met))


Measure = Callable[[Settings], Outcome]


def together(parts: Iterable[Outcome]) -> Outcome:
    """
    The outcomes of several parts as one.
    """
    whole = Outcome()
    for part in parts:
        whole.tables += part.tables
        whole.targets += part.targets
        whole.notes += [note for note in part.notes if note not in whole.notes]
        whole.samples += part.samples
    return whole


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=20
    )
    return done.stdout.strip()


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in ("uvicorn", "uvloop", "httptools", "msgspec", "starlette", "fastapi"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def _peer_versions() -> dict[str, str]:
    requirements = (PEERS.parent / "requirements-peers.txt").read_text().splitlines()
    peers = dict(line.split("==") for line in requirements if "==" in line)
    peers |= json.loads((PEERS / "package.json").read_text())["dependencies"]
    for line in (PEERS / "centrifuge_go" / "go.mod").read_text().splitlines():
        if line.startswith("require github"):
            _, module, version = line.split()
            peers[module] = version
    return peers


def facts() -> dict[str, Any]:
    """
    The machine and the versions, without which a number says nothing.
    """
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short", "HEAD"),
        "is_modified": bool(_git("status", "--porcelain", "--", "src")),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load_average": os.getloadavg()[0],
        "versions": _versions(),
        "peers": _peer_versions(),
    }


def _cell(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def _as_markdown(table: Table) -> str:
    lines = [
        f"### {table.title}",
        "",
        "| " + " | ".join(table.columns) + " |",
        "|" + "---|" * len(table.columns),
    ]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in table.rows]
    return "\n".join(lines)


def _targets_as_table(outcome: Outcome) -> Table:
    rows: list[Sequence[Cell]] = [
        (target.measure, target.wanted, target.got, "met" if target.is_met else "missed")
        for target in outcome.targets
    ]
    return Table(title="Targets", columns=("measure", "wanted", "in this run", ""), rows=rows)


def _markdown(title: str, outcome: Outcome, known: dict[str, Any]) -> str:
    parts = [
        f"# {title}",
        f"{known['date']}, commit {known['commit']}{' with changes' if known['is_modified'] else ''}; {known['cpu']}, "
        f"{known['cores']} cores, Linux {known['kernel']}, Python {known['versions']['python']}, "
        f"load average before {known['load_average']:.2f}.",
        *map(_as_markdown, outcome.tables),
    ]
    if outcome.targets:
        parts.append(_as_markdown(_targets_as_table(outcome)))
    if outcome.notes:
        parts.append("\n".join(f"- {note}" for note in outcome.notes))
    parts.append(
        "Versions: "
        + ", ".join(
            f"{name} {version}" for name, version in (known["versions"] | known["peers"]).items()
        )
        + "."
    )
    return "\n\n".join(parts) + "\n"


def _keep(name: str, title: str, outcome: Outcome, known: dict[str, Any], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name}-{known['date'][:10]}-{known['commit']}"
    for plot, svg in outcome.plots.items():
        (folder / f"{stem}-{plot}.svg").write_text(svg)
        outcome.notes.append(f"![{plot}]({stem}-{plot}.svg)")
    page = folder / f"{stem}.md"
    page.write_text(_markdown(title, outcome, known))
    content = {"question": name, "title": title, "facts": known, **asdict(outcome)}
    content.pop("plots")
    (folder / f"{stem}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return page


def results_folder(settings: Settings) -> Path:
    """
    A quick run is a trial; it does not belong among the results that are committed.
    """
    return CACHE / "results" if settings.quick else RESULTS


def ask(name: str, title: str, measure: Measure, settings: Settings) -> Outcome:
    known = facts()
    outcome = measure(settings)
    page = _keep(name, title, outcome, known, results_folder(settings))
    print(page.read_text())
    sys.stdout.flush()
    return outcome


def arguments(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--quick", action="store_true", help="few rounds; the result is not kept with the others"
    )
    return parser


def main(name: str, title: str, measure: Measure) -> None:
    """
    For `python -m benchmarks.<question>`.
    """
    given = arguments(title).parse_args()
    prepare()
    ask(name, title, measure, Settings(quick=given.quick))
