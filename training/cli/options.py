"""Options that several commands of training take."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import model
from model.errors import CommandError
from model.profile import Profile

SHIPPED_DOCUMENTS = Path(model.__file__).parent.parent / "documents"
"""The documents that come with the project."""

PROFILE = click.option("--profile", default="offline", show_default=True, help="A profile's name, or its file.")
INDEX = click.option(
    "--index", type=click.Path(path_type=Path), default=Path("index"), show_default=True, help="The index folder."
)
MAX_COST = click.option(
    "--max-cost", type=click.FloatRange(min=0), help="Stop before embeddings cost more than these US dollars."
)
NAME = click.option("--name", default="multichain", show_default=True, help="The registered model.")
JUDGES = click.option(
    "--judges",
    default="",
    metavar="MODEL",
    help="A chat model that marks answers, such as openai:/gpt-4.1; it costs.",
)


def document_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Takes --documents once or several times, each with one path or more."""
    option = click.option(
        "--documents",
        multiple=True,
        help="A folder, file, pattern, address or Spark table; more may follow. [default: this project's documents]",
    )
    strict = click.option("--strict", is_flag=True, help="Stop at a document that cannot be read, not pass it over.")
    private = click.option("--private", is_flag=True, help="Allow addresses that lead into a private network.")
    update = click.option(
        "--update", is_flag=True, help="Go on from the index that is there: embed only what is new or changed."
    )
    return option(strict(private(update(click.argument("more_documents", nargs=-1, metavar="[PATH]...")(command)))))


def gate_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Takes what a promotion is decided on."""
    evaluation = click.option(
        "--evaluation",
        type=click.Path(path_type=Path),
        help="Compare with the champion on these rows. [default: the contract and an example are enough]",
    )
    force = click.option("--force", default="", metavar="REASON", help="Promote regardless; the reason is kept.")
    return evaluation(JUDGES(force(command)))


def choose_documents(profile: Profile, documents: tuple[str, ...], more_documents: tuple[str, ...]) -> list[str]:
    """Where the documents are; nowhere for an index that lies elsewhere, for which a job may name an empty place."""
    if profile.backend.IS_LOCAL:
        return [*documents, *more_documents] or [str(SHIPPED_DOCUMENTS)]
    if any([*documents, *more_documents]):
        raise CommandError(f"the documents of {profile.index['name']} are in its table; leave --documents out")
    return []
