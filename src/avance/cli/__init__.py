"""
`avance`: serve, work, make tokens, look after jobs, find out what is wrong.
"""

import click

from avance.cli.demo import demo
from avance.cli.doctor import doctor
from avance.cli.jobs import jobs
from avance.cli.refuse import RefusingGroup
from avance.cli.serve import serve
from avance.cli.token import token
from avance.cli.worker import worker
from avance.version import VERSION


@click.group(cls=RefusingGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="avance")
def main() -> None:
    """
    Durable jobs, a gap-free live event stream to the browser, and user notifications.
    """


for command in (serve, worker, token, jobs, doctor, demo):
    main.add_command(command)
