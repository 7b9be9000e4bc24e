"""``python -m training``: from documents to a registered version."""

import click

from commandline import Commands

from .cli.build import build, describe, forget, log, preflight, run
from .cli.evaluate import evaluate
from .cli.versions import check, history, promote, rollback, verify


@click.group(cls=Commands)
def training() -> None:
    """Build an index, log it as a model, verify and register it."""


for command in (run, build, describe, log, preflight, evaluate, promote, rollback, history, forget, check, verify):
    training.add_command(command)


if __name__ == "__main__":
    training(prog_name="python -m training")
