"""Draw diagrams on this machine: text, or a chat model's specification → graph → layout → PNG."""

import re
from collections.abc import Sequence

from ..errors import InvalidRequestError
from ..passages import Passage
from .from_text.concepts import build_graph
from .from_text.prompt_parsing import choose_style
from .graph import DiagramGraph
from .render import draw_diagram

__all__ = ["DEFAULT_SIZE", "choose_style", "draw_graph", "draw_prompt", "parse_size"]

DEFAULT_SIZE = (1536, 864)
_MIN_SIDE, _MAX_SIDE = 256, 3840


def draw_prompt(
    prompt: str, passages: Sequence[Passage], style: str = "", size: str = "", sample: int = 1
) -> tuple[bytes, str]:
    """Draw what a prompt and passages say.

    Args:
        prompt: What the diagram is about.
        passages: Passages whose statements are drawn, too.
        style: One of interfaces.STYLES; empty for the style that the prompt's words ask for.
        size: Width and height such as ``1536x864``; empty for DEFAULT_SIZE.
        sample: Which of several drawings of the same graph, from 1.

    Returns:
        The PNG file, and the diagram in words.

    Raises:
        InvalidRequestError: ``size`` is not supported.
        StageFailedError: The text's script cannot be drawn on this machine.
    """
    graph = build_graph(prompt, passages, style)
    origin = f"the prompt and {', '.join(graph.sources)}" if graph.sources else "the prompt alone"
    return draw_graph(graph, f"Drawn by multichain's offline diagram renderer from {origin}", size, sample)


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
    return draw_diagram(graph, caption, parse_size(size), sample).png(), graph.in_words


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
