"""``python -m serving``: ask a version, serve it on this machine, or deploy it on Databricks."""

import click

from commandline.commands import Commands

from .cli.ask import ask
from .cli.batch import batch
from .cli.endpoint import deploy, smoke, status, teardown
from .cli.serve import app, mcp, up
from .cli.workspace import workspace


@click.group(cls=Commands)
def serving() -> None:
    """Ask a version of the model, serve it over REST on this machine, or deploy it on Databricks."""


for _command in (ask, up, batch, app, mcp, deploy, smoke, status, teardown, workspace):
    serving.add_command(_command)


if __name__ == "__main__":
    serving(prog_name="python -m serving")
