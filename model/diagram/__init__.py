"""Draw diagrams on this machine: text, or a chat model's specification → graph → layout → PNG."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InvalidRequestError
from ..passages import Passage
from .from_text.concepts import build_graph
from .from_text.prompt_parsing import choose_style
from .graph import DiagramGraph
from .render import draw_diagram
from .stopping import check_stop, draw_in_thread

__all__ = ["DEFAULT_SIZE", "choose_style", "draw_graph", "draw_in_thread", "draw_prompt", "parse_size"]

DEFAULT_SIZE = (1536, 864)
_MIN_SIDE, _MAX_SIDE = 256, 3840
_NOT_FROM_DOCUMENTS = "It shows the words of the prompt and is not from the documents."


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawn diagram.

    Attributes:
        content: The PNG file.
        alt_text: The diagram in words.
        is_from_documents: Whether documents gave its nodes, rather than the prompt alone.
    """

    content: bytes
    alt_text: str
    is_from_documents: bool


def draw_prompt(prompt: str, passages: Sequence[Passage], style: str = "", size: str = "", sample: int = 1) -> Drawing:
    """Draw what a prompt and passages say.

    Args:
        prompt: What the diagram is about.
        passages: Passages whose statements are drawn, too.
        style: One of interfaces.STYLES; empty for the style that the prompt's words ask for.
        size: Width and height such as ``1536x864``; empty for DEFAULT_SIZE.
        sample: Which of several drawings of the same graph, from 1.

    Returns:
        The drawing.

    Raises:
        InvalidRequestError: ``size`` is not supported.
        StageFailedError: The text's script cannot be drawn on this machine.
    """
    graph = build_graph(prompt, passages, style)
    origin = ", ".join(graph.sources) or "the prompt alone, not from the documents"
    content, words = draw_graph(graph, f"Drawn by multichain's offline diagram renderer from {origin}", size, sample)
    alt_text = words if graph.sources else f"{words} {_NOT_FROM_DOCUMENTS}"
    return Drawing(content, alt_text, bool(graph.sources))


def draw_graph(graph: DiagramGraph, caption: str, size: str = "", sample: int = 1) -> tuple[bytes, str]:
    """Draw a graph with ``caption`` below it.

    Args:
        graph: The graph.
        caption: Who made the diagram, of what.
        size: Width and height such as ``1536x864``; empty for DEFAULT_SIZE.
        sample: Which of several drawings of the same graph, from 1.

    Returns:
        The PNG file, and the diagram in words.

    Raises:
        InvalidRequestError: ``size`` is not supported.
    """
    check_stop()
    diagram = draw_diagram(graph, caption, parse_size(size), sample)
    check_stop()
    return diagram.png(), graph.in_words


def parse_size(size: str) -> tuple[int, int]:
    """Return width and height in pixels; DEFAULT_SIZE for "".

    Raises:
        InvalidRequestError: The size is not WIDTHxHEIGHT, or out of bounds.
    """
    if not size:
        return DEFAULT_SIZE
    match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", size)
    sides = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(_MIN_SIDE <= side <= _MAX_SIDE for side in sides):
        raise InvalidRequestError(
            f"size: expected WIDTHxHEIGHT, each from {_MIN_SIDE} to {_MAX_SIDE}, such as 1536x864"
        )
    return sides
