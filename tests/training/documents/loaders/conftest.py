"""A function that writes a file and reads it as documents."""

from collections.abc import Callable
from pathlib import Path

import pytest

from training.documents.document import Document
from training.documents.loaders import ColumnRoles, SourceFile, read_documents
from training.documents.locations import DocumentLocation

ReadContent = Callable[..., tuple[list[Document], list[str]]]


@pytest.fixture
def read_content(tmp_path: Path) -> ReadContent:
    """Return a function from a file name and content to the documents and the notes about the file."""

    def read(name: str, content: str | bytes, columns: ColumnRoles | None = None) -> tuple[list[Document], list[str]]:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        location = DocumentLocation(name, path.suffix.lower(), str(path), path)
        file = SourceFile(location, columns or ColumnRoles())
        return read_documents(file), file.notes

    return read
