"""Define the options that several commands of training share."""

import functools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import model
from model.errors import CommandError
from model.profile import Profile

if TYPE_CHECKING:
    from ..documents.loaders import ColumnRoles

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
SIGN = click.option(
    "--sign",
    type=click.Path(path_type=Path),
    metavar="PRIVATE_KEY",
    help="Sign the version with the Ed25519 key of this PEM file.",
)
JUDGES = click.option(
    "--judges",
    default="",
    metavar="MODEL",
    help="Chat model that judges answers, such as openai:/gpt-4.1; its calls cost money.",
)

_DOCUMENT_OPTIONS = (
    click.option(
        "--documents",
        multiple=True,
        help="Folder, file, pattern, address or Spark table; more may follow. [default: this project's documents]",
    ),
    click.option("--strict", is_flag=True, help="Stop at an unreadable document instead of skipping it."),
    click.option("--private", is_flag=True, help="Allow addresses that lead into a private network."),
    click.option(
        "--column",
        multiple=True,
        metavar="ROLE=NAME",
        help="Role of a column in tables: text, title or tag; may be repeated.",
    ),
    click.option(
        "--ocr",
        default="",
        metavar="LANGUAGES",
        help="Recognise the text of pictures and scanned pages with Tesseract, such as eng+deu.",
    ),
    click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out files of folders, such as 'drafts/*'."),
    click.option(
        "--base-url", default="", metavar="URL", help="Address that each file's path is added to, as its tag url."
    ),
    click.option(
        "--reader",
        multiple=True,
        metavar="SUFFIX=NAME",
        help="Read files of a suffix with docling, or with package.module:name; may be repeated.",
    ),
)
"""Options that name documents and say how to read them, in the order of the help."""
UPDATE = click.option(
    "--update", is_flag=True, help="Update the existing index: embed only documents that are new or changed."
)


def document_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name documents and say how to read them to a command.

    ``--documents`` may be repeated, and further locations may follow as arguments. The command receives ``documents``,
    ``more_documents``, and all other options as ``loading``, an instance of ``LoadOptions``.
    """

    @functools.wraps(command)
    def run_with_loading(
        *,
        strict: bool,
        private: bool,
        column: tuple[str, ...],
        ocr: str,
        exclude: tuple[str, ...],
        base_url: str,
        reader: tuple[str, ...],
        **arguments: Any,
    ) -> Any:
        from ..documents.load import LoadOptions  # the loaders are not needed for --help

        loading = LoadOptions(
            is_strict=strict,
            allows_private=private,
            columns=parse_columns(column),
            ocr_languages=_check_languages(ocr),
            exclude=exclude,
            base_url=base_url,
            readers=parse_readers(reader),
        )
        return command(loading=loading, **arguments)

    decorated: Callable[..., Any] = click.argument("more_documents", nargs=-1, metavar="[PATH]...")(run_with_loading)
    for option in reversed(_DOCUMENT_OPTIONS):
        decorated = option(decorated)
    return decorated


def parse_columns(values: tuple[str, ...]) -> "ColumnRoles":
    """Return the roles of columns that ``--column`` names.

    Raises:
        CommandError: A value has another form than ROLE=NAME, an unknown role, or a role a second time.
    """
    from ..documents.loaders import ColumnRoles

    names: dict[str, list[str]] = {"text": [], "title": [], "tag": []}
    for value in values:
        role, separator, name = value.partition("=")
        if role not in names or not separator or not name:
            raise CommandError(f"--column {value}: expected text=NAME, title=NAME or tag=NAME")
        names[role].append(name)
    for role in ("text", "title"):
        if len(names[role]) > 1:
            raise CommandError(f"--column names two columns as {role}; only tag may be repeated")
    return ColumnRoles("".join(names["text"]), "".join(names["title"]), names["tag"])


def parse_readers(values: tuple[str, ...]) -> dict[str, str]:
    """Return the name of a reader by suffix, as ``--reader`` names them.

    Raises:
        CommandError: A value has another form than SUFFIX=NAME.
    """
    readers = {}
    for value in values:
        suffix, separator, name = value.partition("=")
        if not suffix.startswith(".") or not separator or not name:
            raise CommandError(f"--reader {value}: expected SUFFIX=NAME, such as .pdf=docling")
        readers[suffix.lower()] = name
    return readers


def _check_languages(languages: str) -> str:
    if languages and not re.fullmatch(r"[A-Za-z_]+(?:\+[A-Za-z_]+)*", languages):
        raise CommandError(f"--ocr {languages}: expected Tesseract's names of languages, such as eng+deu")
    return languages


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


def is_sample(documents: Sequence[object]) -> bool:
    """Return whether the documents are those that come with the project, and no others.

    Args:
        documents: Locations of documents.
    """
    return [Path(str(location)).resolve() for location in documents] == [SHIPPED_DOCUMENTS.resolve()]


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
