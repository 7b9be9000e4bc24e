"""Options that commands of training and of serving share."""

from pathlib import Path

import click

SIGNED = click.option(
    "--signed",
    type=click.Path(path_type=Path),
    metavar="PUBLIC_KEY",
    help="Take only a version that is signed by the key of this PEM file.",
)
