"""Read source code and notebooks."""

import json
import re
from collections.abc import Iterator
from typing import Any

from model.blocks import Block, make_code, make_heading
from model.errors import DocumentError

from ..document import Document
from .base import Loader, SourceFile
from .html import read_html
from .markdown import read_markdown

_PART_START = re.compile(
    r"\n(?=(?:async def|def|class|function|export|public|private|func|fn|impl|interface|type|CREATE|create|@)\b)"
)
_MAX_OUTPUT = 5_000
"""Characters of a cell's output that are read."""


class SourceCodeLoader(Loader):
    """Reads source files of programs and settings."""

    kind = "source code"
    suffixes = (
        ".py",
        ".js",
        ".ts",
        ".tsx",
        ".jsx",
        ".java",
        ".kt",
        ".scala",
        ".go",
        ".rs",
        ".c",
        ".h",
        ".cpp",
        ".hpp",
        ".cs",
        ".rb",
        ".php",
        ".r",
        ".sql",
        ".sh",
        ".ps1",
        ".swift",
        ".toml",
        ".ini",
        ".cfg",
        ".conf",
        ".properties",
    )
    reads = "the code, cut before functions and classes"

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield the file as one document."""
        parts = _PART_START.split(file.read_text())
        yield file.make_document(make_code(part) for part in parts if part.strip())


class NotebookLoader(Loader):
    """Reads Jupyter notebooks."""

    kind = "notebook"
    suffixes = (".ipynb",)
    reads = "cells of Markdown and code; outputs of text and tables"
    omits = "pictures among the outputs, errors' tracebacks"
    packages = ("lxml",)

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield the notebook as one document."""
        try:
            notebook = json.loads(file.read_text())
            cells = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
        except (ValueError, KeyError, IndexError, TypeError, RecursionError):
            raise DocumentError("the file is not a notebook of Jupyter") from None
        yield file.make_document(block for cell in cells for block in self._read_cell(cell))

    def _read_cell(self, cell: dict[str, Any]) -> Iterator[Block]:
        text = _join(cell.get("source", cell.get("input", "")))
        match cell.get("cell_type"):
            case "markdown":
                yield from read_markdown(text)
            case "heading":
                yield make_heading(text, int(cell.get("level", 1)))
            case "code":
                if text.strip():
                    yield make_code(text)
                for output in cell.get("outputs", []):
                    yield from self._read_output(output)

    def _read_output(self, output: dict[str, Any]) -> Iterator[Block]:
        data = output.get("data", output)
        if "text/html" in data and "<table" in _join(data["text/html"]):
            yield from read_html(_join(data["text/html"]), self.import_package)[1]
            return
        text = _join(data.get("text/plain", data.get("text", "")))[:_MAX_OUTPUT]
        if text.strip():
            yield make_code(text)


def _join(lines: object) -> str:
    return "".join(map(str, lines)) if isinstance(lines, list) else str(lines)
