"""
The import contracts in pyproject.toml, and a planted violation of each: a contract that catches nothing protects nothing.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]


class Planted(NamedTuple):
    module: str
    imports: str


# One offending import for each contract, in a module of its own.
VIOLATIONS: Mapping[str, Planted] = {
    "Calls go down the layers": Planted("avance.ports.planted_up", "avance.hub"),
    "Only app wires backends": Planted("avance.cli.planted_backend", "avance.backends"),
    "Hub, jobs and notify do not know each other": Planted(
        "avance.notify.planted_jobs", "avance.jobs"
    ),
    "Backends do not know each other": Planted(
        "avance.backends.planted_one.store", "avance.backends.planted_two"
    ),
    "Backends see only ports, model and errors": Planted(
        "avance.backends.planted_one.hub", "avance.hub"
    ),
    "Model, protocol and errors are pure": Planted("avance.protocol.planted_io", "asyncio"),
    "Ports do no I/O": Planted("avance.ports.planted_io", "socket"),
    "The web framework stays at the edge": Planted("avance.hub.planted_web", "starlette"),
    "Only the drivers and the command line know the server": Planted(
        "avance.edge.planted_server", "uvicorn"
    ),
    "Third-party clients are known only to their backend": Planted(
        "avance.backends.planted_two.client", "redis"
    ),
    "Apps see only public names": Planted("avance.apps.planted_one.private", "avance.model"),
    "Nobody imports an app": Planted("avance.cli.planted_app", "avance.apps.planted_one"),
    "Apps do not know each other": Planted(
        "avance.apps.planted_one.other", "avance.apps.planted_two"
    ),
    "Integrations do not know each other": Planted(
        "avance.integrations.planted_one", "avance.integrations.planted_two"
    ),
    "The package root is for users, not for the layers below it": Planted(
        "avance.jobs.planted_root", "avance"
    ),
}

# What the planted imports point to.
TARGETS = (
    "avance.backends.planted_two",
    "avance.apps.planted_two",
    "avance.integrations.planted_two",
)


def contract_names() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return [contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]]


def plant(tree: Path, module: str, source: str) -> None:
    *packages, name = module.split(".")
    folder = tree
    for package in packages:
        folder /= package
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
    (folder / f"{name}.py").write_text(source)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """
    What the linter says of a copy of the source with every violation planted: contract name to findings.
    """
    tree = tmp_path_factory.mktemp("planted")
    shutil.copy(ROOT / "pyproject.toml", tree)
    shutil.copytree(
        ROOT / "src/avance", tree / "avance", ignore=shutil.ignore_patterns("__pycache__")
    )
    for target in TARGETS:
        plant(tree, f"{target}.__init__", "")
    for module, imports in VIOLATIONS.values():
        plant(tree, module, f"import {imports}\n")
    # In a process of its own: the linter finds the package by importing it, and here that is the real one.
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree), "COLUMNS": "500"},
        capture_output=True,
        text=True,
        check=False,
    )
    _, heading, findings = done.stdout.partition("Broken contracts\n")
    assert heading, done.stdout + done.stderr
    # Each finding stands under the underlined name of its contract.
    parts = re.split(r"^(.+)\n-+\n", findings, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_contract_has_a_planted_violation() -> None:
    assert sorted(contract_names()) == sorted(VIOLATIONS)


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_planted_violation_is_caught(contract: str, broken: Mapping[str, str]) -> None:
    module, imports = VIOLATIONS[contract]
    assert module in broken.get(contract, ""), (
        f"{contract}: {module} imports {imports} and nobody objects"
    )
