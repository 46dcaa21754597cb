from pathlib import Path
from typing import Any

import click

from avance.app import Avance
from avance.cli.options import settings_of, settings_options
from avance.ports.auth import Role


@click.command()
@click.argument("user")
@click.option("--ttl", "ttl_s", type=float, default=3_600.0, show_default=True, help="In seconds.")
@click.option("--role", type=click.Choice([role.value for role in Role]), default="user")
@click.option("--tenant", help="The tenant of the user.")
@click.option("--channel", "channels", multiple=True, help="Subscribed by the server at connect.")
@settings_options
def token(
    user: str,
    ttl_s: float,
    role: str,
    tenant: str | None,
    channels: tuple[str, ...],
    config: Path | None,
    **overrides: Any,
) -> None:
    """
    Sign a token for USER with the secret of these settings and this data directory.
    """
    settings = settings_of(config, **overrides)
    claims: dict[str, object] = {"role": role} if role != Role.USER.value else {}
    if tenant is not None:
        claims["tenant"] = tenant
    engine = Avance(settings=settings).build()
    click.echo(engine.token(user, channels=channels, ttl_s=ttl_s, claims=claims))
