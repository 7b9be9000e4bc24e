"""Read each kind of file as documents. ``LOADERS`` is the registry; a file's suffix chooses its loader.

The packages of the extra ``documents`` are imported when a file needs them. Imports ``training.documents`` alone.
"""

from collections.abc import Iterable

from model.errors import DocumentError
from model.retrieval.local.settings import ColumnRoles

from .. import spark_tables
from ..document import Document
from .base import Loader, SourceFile
from .html import HtmlLoader
from .json_files import JsonLinesLoader, JsonLoader, YamlLoader
from .mail import MailboxLoader, MailLoader
from .markdown import MarkdownLoader
from .markup import EpubLoader, RestructuredTextLoader, RtfLoader, XmlLoader
from .open_document import OpenDocumentLoader
from .pdf import PdfLoader
from .pictures import PictureLoader
from .plain_text import PlainTextLoader
from .slides import SlidesLoader
from .source_code import NotebookLoader, SourceCodeLoader
from .tables import DelimitedLoader, ParquetLoader, SparkTableLoader, WorkbookLoader
from .word import WordLoader

__all__ = [
    "FILE_TYPES",
    "LOADERS",
    "LOADER_BY_SUFFIX",
    "ColumnRoles",
    "Loader",
    "SourceFile",
    "find_loader",
    "read_documents",
]


def read_documents(file: SourceFile) -> list[Document]:
    """Return the documents of a file that have text: one, or one for each page, slide or row.

    Raises:
        DocumentError: The file type is not supported, the file cannot be read, or no document of it has text.
    """
    loader = find_loader(file)
    if loader is None:
        raise DocumentError(f"the file type is not supported; supported are {FILE_TYPES}")
    try:
        documents = [document for document in loader.load(file) if document.has_content]
    except (DocumentError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - the libraries raise many classes for a damaged file
        if file.is_empty:
            raise DocumentError("the file is empty") from None
        raise DocumentError(
            f"the document cannot be read ({type(error).__name__}); check that it is complete and not damaged"
        ) from None
    if not documents:
        raise DocumentError("the file is empty" if file.is_empty else loader.empty_reason)
    return documents


def find_loader(file: SourceFile) -> Loader | None:
    """Return the loader that a file's suffix chooses; None for an unsupported type."""
    return file.named_loaders.get(file.location.suffix) or LOADER_BY_SUFFIX.get(file.location.suffix)


def _make_loaders() -> Iterable[Loader]:
    mail = MailLoader(read_documents)
    return (
        PlainTextLoader(),
        MarkdownLoader(),
        HtmlLoader(),
        PdfLoader(),
        WordLoader(),
        SlidesLoader(),
        WorkbookLoader(),
        OpenDocumentLoader(),
        DelimitedLoader(),
        JsonLoader(),
        JsonLinesLoader(),
        YamlLoader(),
        XmlLoader(),
        EpubLoader(),
        RestructuredTextLoader(),
        RtfLoader(),
        mail,
        MailboxLoader(mail),
        NotebookLoader(),
        SourceCodeLoader(),
        PictureLoader(),
        ParquetLoader(),
        SparkTableLoader(),
    )


LOADERS: tuple[Loader, ...] = tuple(_make_loaders())
"""The loader of each kind of file, in the order of docs/documents.md."""
LOADER_BY_SUFFIX = {suffix: loader for loader in LOADERS for suffix in loader.suffixes}
"""Loader by suffix. Tables have the suffix ``spark_tables.SUFFIX``."""
FILE_TYPES = ", ".join(sorted(LOADER_BY_SUFFIX.keys() - {spark_tables.SUFFIX}))
"""Suffixes of the supported files, for messages."""
