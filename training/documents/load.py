"""Read documents from folders, files, patterns, addresses and tables, and list those that were skipped."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path, PurePath

from model.errors import DocumentError

from ..progress import Progress, ignore_progress
from . import locations
from .document import Document
from .language import find_languages
from .loaders import FILE_TYPES, LOADER_BY_SUFFIX, ColumnRoles, SourceFile, find_loader, read_documents
from .loaders.readers import make_reader_loaders
from .locations import DocumentLocation
from .sidecar import read_sidecar

__all__ = ["Document", "DocumentNote", "LoadOptions", "LoadResult", "SkippedDocument", "load_documents"]


@dataclass(frozen=True, slots=True)
class SkippedDocument:
    """A location whose document was skipped, with the reason."""

    location: str
    reason: str


@dataclass(frozen=True, slots=True)
class DocumentNote:
    """A sentence about what was passed over or guessed in a document that was read."""

    location: str
    sentence: str


@dataclass(slots=True)
class LoadResult:
    """The documents in the order of their sources and pages, and what there is to say about them.

    Attributes:
        documents: The documents.
        skipped: The documents that were skipped, in the order of their locations.
        notes: What was passed over or guessed in the others, in the order of their locations.
        kinds: Number of files by kind.
        scanned_pages: Number of pages without text that hold a picture.
        languages: Number of documents by language; empty when the languages were not told.
        copies: Number of passages that stand in several documents.
        similar: Number of passages whose text is nearly that of an earlier one.
    """

    documents: list[Document] = field(default_factory=list)
    skipped: list[SkippedDocument] = field(default_factory=list)
    notes: list[DocumentNote] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    scanned_pages: int = 0
    languages: Counter[str] = field(default_factory=Counter)
    copies: int = 0
    similar: int = 0

    @property
    def skipped_kinds(self) -> Counter[str]:
        """Number of skipped locations by kind of file; by suffix where no loader reads the kind."""
        suffixes = [PurePath(skipped.location).suffix.lower() for skipped in self.skipped]
        return Counter(
            LOADER_BY_SUFFIX[suffix].kind if suffix in LOADER_BY_SUFFIX else suffix or "other" for suffix in suffixes
        )

    def tell_languages(self) -> None:
        """Give each document its language."""
        languages = find_languages(self.documents)
        self.documents = [replace(document, language=languages[document.source]) for document in self.documents]
        self.languages = Counter(languages.values())

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 digest by source, over the text, title, page numbers and tags of the source's documents.

        The language does not count, since that of a short document depends on the others.
        """
        parts_by_source: dict[str, list[str]] = {}
        for document in self.documents:
            parts_by_source.setdefault(document.source, []).append(repr(replace(document, language="")))
        return {source: sha256("\f".join(parts).encode()).hexdigest() for source, parts in parts_by_source.items()}


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """Options of reading documents.

    Attributes:
        is_strict: Whether a document that cannot be read is an error. A file of an unsupported type that was found in
            a folder is skipped all the same.
        allows_private: Whether addresses may lead into a private network.
        evaluation: Evaluation file that must not be one of the documents; None for none.
        columns: Roles of the columns of tables.
        ocr_languages: Languages of text recognition, such as ``eng+deu``; empty for none.
        exclude: Patterns of file names and relative paths that are left out of folders.
        base_url: Address to which the path of each file is added, as its tag ``url``; empty for none.
        readers: Name of the reader of the files of a suffix, where it is not this project's own (readers.py).
        progress: Called before each location with its number, from 1, and the number of locations.
    """

    is_strict: bool = False
    allows_private: bool = False
    evaluation: Path | None = None
    columns: ColumnRoles = field(default_factory=ColumnRoles)
    ocr_languages: str = ""
    exclude: tuple[str, ...] = ()
    base_url: str = ""
    readers: Mapping[str, str] = field(default_factory=dict)
    progress: Progress = ignore_progress


def load_documents(sources: Sequence[object], options: LoadOptions | None = None) -> LoadResult:
    """Load the documents of ``sources``. A document that cannot be read is skipped and listed in the result.

    Args:
        sources: Folders, files, patterns, addresses and tables.
        options: How to read them; None for the defaults.

    Returns:
        The documents, at least one, and the skipped locations.

    Raises:
        DocumentError: A location does not exist, two documents have the same source, no document was found,
            the evaluation file is one of the documents, or a document cannot be read and the options are strict.
        ProfileError: There is no reader of a name in the options.
    """
    options = options or LoadOptions()
    names = [str(source) for source in sources]
    places = locations.find_locations(names, private=options.allows_private, exclude=options.exclude)
    locations_found = places.locations
    evaluation = options.evaluation
    if evaluation and any(location.file and location.file.samefile(evaluation) for location in locations_found):
        raise DocumentError(
            f"{evaluation.absolute()} is one of the documents, so each question would find its own answer; "
            "move the evaluation file out of the documents"
        )
    loaded = _read_locations(locations_found, options)
    loaded.skipped += [SkippedDocument(label, reason) for label, reason in places.skipped]
    loaded.documents.sort(key=lambda document: (document.source, document.page))
    if not loaded.documents:
        why = f": {loaded.skipped[0].location}: {loaded.skipped[0].reason}" if len(loaded.skipped) == 1 else ""
        raise DocumentError(
            f"no readable document was found{why}; --documents takes tables, and folders, files, patterns and "
            f"addresses of the types {FILE_TYPES}"
        )
    return loaded


def _read_locations(locations_found: Sequence[DocumentLocation], options: LoadOptions) -> LoadResult:
    """Return the documents and the skipped locations, both in the order of ``locations_found``.

    Raises:
        DocumentError: Two documents have the same source, or a document cannot be read and the options are strict.
    """
    loaded = LoadResult()
    named_loaders = make_reader_loaders(options.readers)
    sources: set[str] = set()
    for number, location in enumerate(locations_found):
        options.progress(number + 1, len(locations_found))
        if location.source in sources:
            raise DocumentError(
                f"two documents have the source {location.source}; name the folder that contains both instead"
            )
        file = SourceFile(location, options.columns, options.ocr_languages, options.base_url, named_loaders)
        loader = find_loader(file)
        try:
            documents = read_documents(file)
        except (DocumentError, OSError, MemoryError) as error:
            reason = _explain_skip(error)
            if options.is_strict and (location.is_explicit or loader):
                raise DocumentError(f"{location.label}: {reason}") from None
            loaded.skipped.append(SkippedDocument(location.label, reason))
        else:
            loaded.documents += _add_metadata(file, documents)
            sources.add(location.source)
            loaded.scanned_pages += file.scanned_pages
            loaded.kinds[loader.kind if loader else ""] += 1
        loaded.notes += [DocumentNote(location.label, sentence) for sentence in file.notes]
    return loaded


def _explain_skip(error: DocumentError | OSError | MemoryError) -> str:
    """Return why a document is skipped."""
    if isinstance(error, MemoryError):
        return "the file needs more memory than there is; split it"
    return f"the file cannot be read ({error.strerror})" if isinstance(error, OSError) else str(error)


def _add_metadata(file: SourceFile, documents: list[Document]) -> list[Document]:
    """Return the documents with the metadata of the JSON file beside theirs; one that cannot be read is noted."""
    if file.location.file is None:
        return documents
    try:
        metadata = read_sidecar(file.location.file)
    except DocumentError as error:
        file.notes.append(f"has no metadata, since {error}")
        return documents
    return metadata.add_to(documents) if metadata else documents
