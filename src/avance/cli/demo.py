from pathlib import Path
from typing import Any

import click

from avance.cli.demo_tasks import app
from avance.cli.options import settings_options
from avance.cli.serve import run_server
from avance.config import read_settings


@click.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.")
@settings_options
def demo(config: Path | None, **overrides: Any) -> None:
    """
    Serve a few tasks to play with: they count, wait, log, fail and retry.
    """
    app.configure(read_settings(config, overrides=overrides))
    click.echo("Try: avance jobs submit demo.count steps=20 --watch")
    run_server(app)
