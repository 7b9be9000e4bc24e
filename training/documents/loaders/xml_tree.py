"""Parse XML without entities, network and excessive depth."""

from collections.abc import Callable
from typing import Any

from model.blocks import flatten
from model.errors import DocumentError


def parse_xml(content: bytes, import_package: Callable[[str], Any]) -> Any:
    """Return the root element of an XML file.

    Args:
        content: The bytes of the file.
        import_package: Returns a module of the extra ``documents``.

    Raises:
        DocumentError: lxml is not installed, or the file is not XML or declares entities.
    """
    etree = import_package("lxml.etree")
    if b"<!ENTITY" in content:
        raise DocumentError("the file declares XML entities, which are not read; save it without them")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        raise DocumentError("the document is not valid XML; check that it is complete and not damaged") from None


def read_title(root: Any) -> str:
    """Return the text of the first element called title; empty for no such element and for no root."""
    titles = [] if root is None else root.xpath("//*[local-name()='title']/text()")
    return flatten(titles[0]) if titles else ""


def local_name(element: Any) -> str:
    """Return the name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def local_attribute(element: Any, name: str, default: str = "") -> str:
    """Return an attribute by its name without a namespace."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return default
