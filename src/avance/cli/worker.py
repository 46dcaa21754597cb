from pathlib import Path
from typing import Any

import click

from avance.app import Avance
from avance.cli.logs import set_up_logs
from avance.cli.options import open_app, settings_options
from avance.cli.serve import run
from avance.cli.shown import without_password
from avance.cli.signals import stop_signals
from avance.errors import ConfigError


@click.command()
@click.argument("target", required=False, metavar="[MODULE:APP]")
@click.option("--processes", type=int, help="Child processes that run tasks.")
@click.option("--threads", type=int, help='Tasks with runner="thread" at the same time.')
@settings_options
def worker(target: str | None, config: Path | None, **overrides: Any) -> None:
    """
    Run tasks for servers on the same store, until Ctrl-C.
    """
    app = open_app(target, config, **overrides)
    if not app.tasks:
        raise ConfigError(
            "there are no tasks to run; name the app: avance worker module:app", setting="app"
        )
    set_up_logs(app.settings)
    run(_work(app))


async def _work(app: Avance) -> None:
    with stop_signals() as asked:
        async with app.open():
            store = without_password(app.settings.store_url)
            click.echo(f"avance works for {store}: {', '.join(sorted(app.tasks))}")
            await asked.wait()
