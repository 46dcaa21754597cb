from typing import Any

import click

from avance.errors import AvanceError


class RefusingGroup(click.Group):
    """
    Shows our own errors as one line, and ends with 1.
    """

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AvanceError as error:
            raise click.ClickException(error.message) from error
