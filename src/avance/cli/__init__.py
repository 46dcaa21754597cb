"""
`avance`: serve, work, make tokens, look after jobs, find out what is wrong.
"""

import click

from avance.cli.group import LazyCommands, RefusingGroup
from avance.version import VERSION


@click.group(
    cls=RefusingGroup,
    commands=LazyCommands(__name__, ("demo", "doctor", "jobs", "serve", "token", "worker")),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(VERSION, prog_name="avance")
def main() -> None:
    """
    Durable jobs, a gap-free live event stream to the browser, and user notifications.
    """
