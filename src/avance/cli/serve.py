import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click

from avance.app import Avance
from avance.cli.logs import set_up_logs
from avance.cli.options import open_app, settings_options
from avance.cli.server import bind, serve_until_stopped
from avance.cli.shown import without_password
from avance.config import AuthMode, Settings, check_bind

if sys.platform != "win32":
    import uvloop

SECRET_BYTES_MIN = 32


@click.command()
@click.argument("target", required=False, metavar="[MODULE:APP]")
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.")
@click.option("--auth", metavar="MODE", help="open or token.")
@click.option("--processes", type=int, help="Child processes that run tasks.")
@click.option(
    "--allow-open-bind", is_flag=True, default=None, help="Open mode where others can reach it."
)
@settings_options
def serve(target: str | None, config: Path | None, **overrides: Any) -> None:
    """
    Serve jobs, sockets and the API, until Ctrl-C.
    """
    run_server(open_app(target, config, **overrides))


def run_server(app: Avance) -> None:
    """
    Serve an app with the settings that it has.
    """
    settings = app.settings
    check_bind(settings)
    set_up_logs(settings)
    _warn(settings)
    listener = bind(settings.host, settings.port)
    run(serve_until_stopped(app, settings, listener, lambda url: _announce(url, settings, app)))


def run(work: Coroutine[Any, Any, None]) -> None:
    """
    Run in the fastest event loop of this system.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(work)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    return uvloop.new_event_loop


def _announce(url: str, settings: Settings, app: Avance) -> None:
    console = [f"  console  {url}/console/"] if app.engine.services.has_console else []
    lines = [
        "avance is ready.",
        *console,
        f"  API      {url}/docs",
        f"  sockets  {url.replace('http', 'ws', 1)}/connection/websocket, described at {url}/docs/sockets",
        f"  store    {without_password(settings.store_url)}",
        f"  tasks    {', '.join(sorted(app.tasks)) or 'none; name an app: avance serve module:app'}",
    ]
    if settings.auth is AuthMode.OPEN:
        lines.append("  access   open: whoever reaches this address is the admin `dev`")
    lines.append("Ctrl-C stops it.")
    click.echo("\n".join(lines))
    sys.stdout.flush()


def _warn(settings: Settings) -> None:
    secret = settings.token_secret
    if secret is not None and len(secret.reveal().encode()) < SECRET_BYTES_MIN:
        click.echo(
            f"warning: the token secret has under {SECRET_BYTES_MIN} bytes and can be guessed; make one with: openssl rand -hex 32",
            err=True,
        )
    if settings.auth is AuthMode.OPEN and settings.allow_open_bind:
        click.echo("warning: open mode on a public address; everybody there is admin", err=True)
