"""Recognise the text of pictures with Tesseract, where it is installed and asked for."""

import shutil
import subprocess
from collections.abc import Iterator

from model.blocks import Block
from model.errors import DocumentError

from ..document import Document
from .base import Loader, SourceFile
from .plain_text import split_paragraphs

_TIMEOUT_SECONDS = 120


class PictureLoader(Loader):
    """Reads pictures with text."""

    kind = "picture"
    suffixes = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
    reads = "the text that Tesseract recognises, with --ocr LANGUAGES"
    omits = "everything without --ocr"

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield the recognised text as one document."""
        if not file.ocr_languages:
            raise DocumentError("a picture; --ocr with its languages, such as eng+deu, recognises its text")
        blocks = list(split_paragraphs(recognise_text(file.content, file.ocr_languages)))
        yield file.make_document(Block("picture", block.text) for block in blocks)


def recognise_text(picture: bytes, languages: str) -> str:
    """Return the text of a picture.

    Args:
        picture: The bytes of a picture file.
        languages: Tesseract's names of the languages, joined by plus signs.

    Raises:
        DocumentError: Tesseract is not installed, or cannot read the picture.
    """
    program = shutil.which("tesseract")
    if program is None:
        raise DocumentError("text recognition needs Tesseract, which is not installed; apt-get install tesseract-ocr")
    try:
        recognition = subprocess.run(  # noqa: S603 - the program was looked up, and the arguments are checked
            [program, "stdin", "stdout", "-l", languages],
            input=picture,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DocumentError(f"text recognition took more than {_TIMEOUT_SECONDS} seconds") from None
    if recognition.returncode:
        raise DocumentError(f"Tesseract cannot read the picture in {languages}; check that the languages are installed")
    return recognition.stdout.decode("utf-8", "replace").replace("\f", "")
