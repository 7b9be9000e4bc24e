"""Read files with docling, which recognises the layout of scanned and complicated pages with models of its own."""

import io
from collections.abc import Iterator

from model.errors import DocumentError


class DoclingReader:
    """Turns any file that docling reads into Markdown.

    The package is no part of an extra, since it brings PyTorch; it loads its models at the first PDF.

    Raises:
        DocumentError: docling is not installed.
    """

    def __init__(self) -> None:
        try:
            from docling.datamodel.base_models import DocumentStream
            from docling.document_converter import DocumentConverter
        except ImportError as error:
            raise DocumentError(
                f"the reader docling needs the package docling ({error}); pip install docling"
            ) from None
        self._stream, self._converter = DocumentStream, DocumentConverter()

    def __call__(self, name: str, content: bytes) -> Iterator[tuple[int, str]]:
        """Yield the number and the Markdown of each page; 0 and the whole for a file without pages.

        Args:
            name: Name of the file, with its suffix.
            content: The bytes of the file.
        """
        document = self._converter.convert(self._stream(name=name, stream=io.BytesIO(content))).document
        for number in sorted(document.pages):
            yield number, document.export_to_markdown(page_no=number)
        if not document.pages:
            yield 0, document.export_to_markdown()
