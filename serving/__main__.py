"""``python -m serving``: ask a version, or serve it."""

import click

from commandline import Commands

from .cli.ask import ask, up
from .cli.endpoint import deploy, smoke, status, teardown
from .cli.workspace import workspace


@click.group(cls=Commands)
def serving() -> None:
    """Ask a version, or serve it over REST."""


for _command in (ask, up, deploy, smoke, status, teardown, workspace):
    serving.add_command(_command)


if __name__ == "__main__":
    serving(prog_name="python -m serving")
