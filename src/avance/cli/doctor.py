"""
`avance doctor`: what is wrong, and what to do about it.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from avance.app.sections import all_sections
from avance.cli.checkup import Finding, Verdict, check_machine, check_server
from avance.cli.client import Client
from avance.cli.options import settings_options
from avance.config import Settings, read_settings
from avance.errors import ConfigError

_MARKS = {Verdict.OK: "ok  ", Verdict.WARNING: "warn", Verdict.FAILURE: "FAIL"}


@click.command()
@click.option("--url", help="Address of the server as browsers use it, proxy included.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
@settings_options
def doctor(url: str | None, as_json: bool, config: Path | None, **overrides: Any) -> None:
    """
    Check settings, disk, clock, services, and the way to the server and its sockets. Ends with 1 if something fails.
    """
    findings = []
    for finding in _examine(url, config, overrides):
        findings.append(finding)
        if not as_json:
            click.echo(f"{_MARKS[finding.verdict]}  {finding.name:<12} {finding.detail}")
            if finding.remedy:
                click.echo(f"      {'':<12} → {finding.remedy}")
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(findings), indent=2))
    sys.exit(any(finding.verdict is Verdict.FAILURE for finding in findings))


def _examine(url: str | None, config: Path | None, overrides: dict[str, Any]) -> Iterator[Finding]:
    settings: Settings | None = None
    try:
        settings = read_settings(config, overrides=overrides, sections=all_sections())
        yield Finding(name="settings", verdict=Verdict.OK, detail="all are known and valid")
    except ConfigError as error:
        yield Finding(
            name="settings",
            verdict=Verdict.FAILURE,
            detail=error.message,
            remedy="correct it; the reference of settings lists all",
        )
    if settings is not None:
        yield from check_machine(settings)
    yield from check_server(Client(url))
