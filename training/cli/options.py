"""Define the options that several commands of training share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import model
from model.errors import CommandError
from model.profile import Profile

SHIPPED_DOCUMENTS = Path(model.__file__).parent.parent / "documents"
"""Folder of the documents that come with the project."""

PROFILE = click.option("--profile", default="offline", show_default=True, help="Name of a profile, or its file.")
INDEX = click.option(
    "--index", type=click.Path(path_type=Path), default=Path("index"), show_default=True, help="The index folder."
)
MAX_COST = click.option(
    "--max-cost", type=click.FloatRange(min=0), help="Stop before embeddings cost more than this many US dollars."
)
NAME = click.option("--name", default="multichain", show_default=True, help="The registered model.")
JUDGES = click.option(
    "--judges",
    default="",
    metavar="MODEL",
    help="Chat model that judges answers, such as openai:/gpt-4.1; its calls cost money.",
)


def document_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options ``--documents``, ``--strict``, ``--private`` and ``--update`` to a command.

    ``--documents`` may be repeated, and further locations may follow as arguments.
    """
    option = click.option(
        "--documents",
        multiple=True,
        help="Folder, file, pattern, address or Spark table; more may follow. [default: this project's documents]",
    )
    strict = click.option("--strict", is_flag=True, help="Stop at an unreadable document instead of skipping it.")
    private = click.option("--private", is_flag=True, help="Allow addresses that lead into a private network.")
    update = click.option(
        "--update", is_flag=True, help="Update the existing index: embed only documents that are new or changed."
    )
    return option(strict(private(update(click.argument("more_documents", nargs=-1, metavar="[PATH]...")(command)))))


def gate_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options ``--evaluation``, ``--judges`` and ``--force`` of a promotion to a command."""
    evaluation = click.option(
        "--evaluation",
        type=click.Path(path_type=Path),
        help="Evaluation file on which to compare with the champion. [default: check only contract and example]",
    )
    force = click.option(
        "--force", default="", metavar="REASON", help="Promote despite the verdict; the reason is kept."
    )
    return evaluation(JUDGES(force(command)))


def choose_documents(profile: Profile, documents: tuple[str, ...], more_documents: tuple[str, ...]) -> list[str]:
    """Return the locations of the documents to build the index from.

    Args:
        profile: The profile.
        documents: Values of the option ``--documents``; a job may pass an empty one.
        more_documents: Locations that follow as arguments.

    Returns:
        The locations; this project's documents when none is given. Empty for an index in Databricks AI Search.

    Raises:
        CommandError: The index is in Databricks AI Search, and a location is given.
    """
    if profile.backend.is_local:
        return [*documents, *more_documents] or [str(SHIPPED_DOCUMENTS)]
    if any([*documents, *more_documents]):
        raise CommandError(
            f"the AI Search index {profile.index['name']} takes its documents from its table; leave out --documents"
        )
    return []
