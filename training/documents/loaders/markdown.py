"""Read Markdown: headings, paragraphs, lists, tables, code and front matter."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from model.blocks import (
    Block,
    ListItem,
    make_code,
    make_fields,
    make_heading,
    make_list,
    make_question,
    make_table,
)
from model.errors import DocumentError

from ..document import Document
from .base import Loader, SourceFile
from .plain_text import is_question, split_paragraphs
from .records import flatten_record, make_tags
from .yaml_values import parse_yaml

_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,500}>")
_LINK_SCHEMES = ("http://", "https://", "mailto:")
_DEFINITION = re.compile(r"\n[ \t]*:[ \t]+")


class MarkdownLoader(Loader):
    """Reads Markdown with front matter."""

    kind = "Markdown"
    suffixes = (".md", ".markdown", ".mdx")
    reads = "headings, paragraphs, lists, tables, code; front matter as title, tags and fields"
    omits = "comments, HTML tags, addresses of pictures"

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield the text as one document."""
        text = file.read_text()
        front_matter, body = split_front_matter(text)
        title = str(front_matter.pop("title", "") or "")
        fields = [make_fields(flatten_record(front_matter))] if front_matter else []
        yield file.make_document(
            [*fields, *read_markdown(body)],
            title=title,
            tags=make_tags(flatten_record(front_matter, splits_lists=True)),
        )


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """Return the entries above the text between lines of three hyphens, and the text below; none when invalid."""
    match = _FRONT_MATTER.match(text)
    if not match:
        return {}, text
    try:
        entries = parse_yaml(match[1])
    except DocumentError:
        return {}, text
    if len(entries) != 1 or not isinstance(entries[0], dict):
        return {}, text
    return {str(name): value for name, value in entries[0].items()}, text[match.end() :]


def read_markdown(text: str) -> Iterator[Block]:
    """Yield the blocks of Markdown."""
    parser = MarkdownIt("commonmark").enable("table")
    yield from _read_nodes(SyntaxTreeNode(parser.parse(text)).children)


def _read_nodes(nodes: Sequence[SyntaxTreeNode]) -> Iterator[Block]:
    position = 0
    while position < len(nodes):
        node = nodes[position]
        following = nodes[position + 1] if position + 1 < len(nodes) else None
        if _is_asked(node) and following is not None and following.type == "paragraph" and not _is_asked(following):
            yield make_question(_inline_text(node), _inline_text(following))
            position += 2
            continue
        yield from _read_node(node)
        position += 1


def _read_node(node: SyntaxTreeNode) -> Iterator[Block]:
    match node.type:
        case "heading":
            yield make_heading(_inline_text(node), int(node.tag[1:]))
        case "paragraph":
            yield from _read_paragraph(_inline_text(node))
        case "fence" | "code_block":
            yield make_code(node.content)
        case "bullet_list" | "ordered_list":
            yield from _read_list(node)
        case "table":
            rows = [[_inline_text(cell) for cell in row.children] for part in node.children for row in part.children]
            yield make_table(rows[0], rows[1:])
        case "html_block":
            text = _TAG.sub(" ", _COMMENT.sub("", node.content))
            yield from split_paragraphs(text)
        case "blockquote":
            yield from _read_nodes(node.children)


def _read_paragraph(text: str) -> Iterator[Block]:
    """Yield a paragraph; a term with its definition below, after a colon, is a question with its answer."""
    term, *definitions = _DEFINITION.split(text)
    if definitions and "\n" not in term:
        yield make_question(term, " ".join(definitions))
    else:
        yield from split_paragraphs(text)


def _read_list(node: SyntaxTreeNode) -> Iterator[Block]:
    """Yield the list, and then the tables and code inside its items."""
    inner: list[Block] = []
    yield make_list(_read_items(node, 0, inner))
    yield from inner


def _read_items(node: SyntaxTreeNode, depth: int, inner: list[Block]) -> Iterator[ListItem]:
    number = int(node.attrs.get("start", 1))
    for item in node.children:
        marker = f"{number}." if node.type == "ordered_list" else "-"
        number += 1
        texts = [_inline_text(child) for child in item.children if child.type in {"paragraph", "heading"}]
        yield ListItem(marker, " ".join(texts), depth)
        for child in item.children:
            if child.type in {"bullet_list", "ordered_list"}:
                yield from _read_items(child, depth + 1, inner)
            elif child.type not in {"paragraph", "heading"}:
                inner.extend(_read_node(child))


def _is_asked(node: SyntaxTreeNode) -> bool:
    return node.type == "paragraph" and is_question(_inline_text(node))


def _inline_text(node: SyntaxTreeNode) -> str:
    """Return the text of a node without the marks of emphasis, links and comments."""
    return _COMMENT.sub("", "".join(_inline_parts(node))).strip()


def _inline_parts(node: SyntaxTreeNode) -> Iterator[str]:
    if node.type in {"text", "code_inline"}:
        yield node.content
    elif node.type in {"softbreak", "hardbreak"}:
        yield "\n"
    elif node.type == "html_inline":
        yield node.content if node.content.startswith("<!--") else " " * node.content.lower().startswith("<br")
    elif node.type == "image":
        yield node.content
    else:
        text = "".join(part for child in node.children for part in _inline_parts(child))
        yield text
        address = str(node.attrs.get("href", "")) if node.type == "link" else ""
        if address.startswith(_LINK_SCHEMES) and address.removeprefix("mailto:") != text:
            yield f" ({address})"
