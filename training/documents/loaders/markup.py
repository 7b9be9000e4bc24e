"""Read other markup: EPUB, reStructuredText, XML and RTF."""

import posixpath
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from model.blocks import Block, flatten, make_paragraph
from model.errors import DocumentError

from ..decoding import decode, remove_unwanted_characters
from ..document import Document
from .base import Loader, SourceFile
from .html import read_html
from .json_files import load_value
from .plain_text import split_paragraphs
from .xml_tree import local_name, parse_xml, read_title

_MAX_DEPTH = 100
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")


class EpubLoader(Loader):
    """Reads books."""

    kind = "EPUB"
    suffixes = (".epub",)
    reads = "each chapter in reading order, as HTML"
    packages = ("lxml",)

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield the book as one document."""
        with file.open_archive() as archive:
            names = set(archive.namelist())
            if "META-INF/container.xml" not in names:
                raise DocumentError("the file is an archive, but no EPUB")
            if "META-INF/rights.xml" in names:
                raise DocumentError("the book is protected against copying")
            container = parse_xml(archive.read("META-INF/container.xml"), self.import_package)
            (package_name,) = container.xpath("//*[local-name()='rootfile']/@full-path")[:1]
            package = parse_xml(archive.read(package_name), self.import_package)
            targets = {item.get("id"): item.get("href", "") for item in package.iter("{*}item")}
            blocks: list[Block] = []
            for reference in package.iter("{*}itemref"):
                target = unquote(targets.get(reference.get("idref"), ""))
                name = posixpath.normpath(posixpath.join(posixpath.dirname(package_name), target))
                if name in names:
                    page = remove_unwanted_characters(decode(archive.read(name)).text)
                    blocks += read_html(_DECLARATION.sub("", page), self.import_package)[1]
        yield file.make_document(blocks, title=read_title(package))


class RestructuredTextLoader(Loader):
    """Reads reStructuredText."""

    kind = "reStructuredText"
    suffixes = (".rst",)
    reads = "headings, paragraphs, lists, tables, code, definitions; docutils reads it"
    omits = "included files, raw parts, comments"
    packages = (
        "docutils",
        "lxml",
    )

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield the text as one document."""
        core = self.import_package("docutils.core")
        settings = {
            "file_insertion_enabled": False,
            "raw_enabled": False,
            "report_level": 5,
            "halt_level": 5,
            "doctitle_xform": False,
            "initial_header_level": 1,
            "_disable_config": True,
            "embed_stylesheet": False,
            "syntax_highlight": "none",
        }
        parts = core.publish_parts(file.read_text(), writer="html5", settings_overrides=settings)
        yield file.make_document(read_html(f"<body>{parts['html_body']}</body>", self.import_package)[1])


class XmlLoader(Loader):
    """Reads XML."""

    kind = "XML"
    suffixes = (".xml",)
    reads = "records as JSON; elements with running text as paragraphs"
    omits = "comments, processing instructions, declared entities"
    packages = ("lxml",)

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield a document for each record, or one for the whole file."""
        root = parse_xml(file.content, self.import_package)
        mixed = root.xpath("//*[*][normalize-space(text()[1]) or */following-sibling::text()[normalize-space()]]")
        if mixed:
            yield file.make_document(_read_paragraphs(root))
        else:
            yield from load_value(file, _read_value(root, 0))


class RtfLoader(Loader):
    """Reads RTF."""

    kind = "RTF"
    suffixes = (".rtf",)
    reads = "paragraphs and lists"
    omits = "the grid of tables, pictures"
    packages = ("striprtf",)

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield the text as one document."""
        text = file.content.decode("latin-1")
        if not text.lstrip().startswith("{\\rtf"):
            raise DocumentError("the file is not RTF")
        plain = self.import_package("striprtf.striprtf").rtf_to_text(text, errors="replace")
        yield file.make_document(split_paragraphs(remove_unwanted_characters(plain).replace("\n", "\n\n")))


def _read_value(element: Any, depth: int) -> Any:
    """Return an element as a text, or as an object of its attributes and children; repeated children are a list."""
    text = flatten(element.text or "")
    if (not len(element) and not element.attrib) or depth > _MAX_DEPTH:
        return flatten("".join(element.itertext())) if depth > _MAX_DEPTH else text
    values: dict[str, Any] = {str(name).rpartition("}")[2]: value for name, value in element.attrib.items()}
    for child in element:
        name = local_name(child)
        value = _read_value(child, depth + 1)
        if name not in values:
            values[name] = value
        elif isinstance(values[name], list):
            values[name].append(value)
        else:
            values[name] = [values[name], value]
    if text:
        values["text"] = text
    return values


def _read_paragraphs(element: Any) -> Iterator[Block]:
    """Yield a paragraph for each element that has text of its own, and for each other element those inside."""
    own = (element.text or "").strip() or any((child.tail or "").strip() for child in element)
    if own:
        yield make_paragraph(flatten("".join(element.itertext())))
    else:
        for child in element:
            yield from _read_paragraphs(child)
