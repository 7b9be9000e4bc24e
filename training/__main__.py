"""Run the command line ``python -m training``."""

import click

from commandline.commands import Commands

from .cli.build import build, describe, forget, log, preflight, run
from .cli.evaluate import evaluate
from .cli.versions import check, history, promote, rollback, verify


@click.group(cls=Commands)
def training() -> None:
    """Build an index of documents; log, verify, register and promote a version with the index."""


for command in (run, build, describe, log, preflight, evaluate, promote, rollback, history, forget, check, verify):
    training.add_command(command)


if __name__ == "__main__":
    training(prog_name="python -m training")
