"""Compute the layout of a diagram: Graphviz's dot (Gansner et al., 1993) places boxes and routes edges.

dot places edge labels as well, so that no label covers another label or a node.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import pygraphviz

from .graph import DiagramGraph, Edge, Layer, Node

Size = tuple[float, float]
Point = tuple[float, float]

_GRAPHVIZ_LOCK = threading.Lock()  # the library is not safe for use by two threads at once
_INCH = 72.0
_TOLERANCE = 0.4
_EMPTY_LABEL = (
    '<<TABLE BORDER="0" CELLPADDING="0" FIXEDSIZE="TRUE" WIDTH="{:.0f}" HEIGHT="{:.0f}"><TR><TD></TD></TR></TABLE>>'
)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its corners, in pixels from the upper left."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def centre(self) -> Point:
        """The point in the middle."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def shifted(self, right: float) -> "Box":
        """Return the box moved to the right."""
        return Box(self.left + right, self.top, self.right + right, self.bottom)

    def overlaps(self, box: "Box") -> bool:
        """Return whether the two boxes share more than a hair's breadth."""
        across = min(self.right, box.right) - max(self.left, box.left)
        return across > _TOLERANCE and min(self.bottom, box.bottom) - max(self.top, box.top) > _TOLERANCE

    @classmethod
    def at_centre(cls, centre: Point, size: Size) -> "Box":
        """Return the box of a size around a point."""
        return cls(centre[0] - size[0] / 2, centre[1] - size[1] / 2, centre[0] + size[0] / 2, centre[1] + size[1] / 2)


@dataclass(frozen=True, slots=True)
class Route:
    """The route of an edge: points of cubic Bézier curves, the tip of the arrow, and the label's box."""

    edge: Edge
    curve: Sequence[Point]
    tip: Point
    label: Box | None


@dataclass(frozen=True, slots=True)
class Frame:
    """The box around a group's nodes, and its name's box."""

    group: Layer
    box: Box
    label: Box


@dataclass(frozen=True, slots=True)
class DiagramLayout:
    """The place of everything; ``size`` is the whole in pixels."""

    size: Size
    nodes: dict[str, Box]
    routes: list[Route]
    frames: list[Frame]

    @property
    def is_clear(self) -> bool:
        """Whether no text covers another: dot does not always find room for edge labels between frames."""
        labels = [route.label for route in self.routes if route.label]
        boxes = [*self.nodes.values(), *labels, *(frame.label for frame in self.frames)]
        return not any(box.overlaps(second_box) for box, second_box in combinations(boxes, 2))


def compute_layout(
    diagram: DiagramGraph, node_size: Callable[[Node], Size], label_size: Callable[[str], Size], *, direction: str
) -> DiagramLayout:
    """Compute the layout of a graph.

    Args:
        diagram: The graph.
        node_size: Returns the size of a node's box.
        label_size: Returns the size of a label.
        direction: ``LR`` or ``TB``.

    Returns:
        The layout.
    """
    sizes = {key: node_size(node) for key, node in diagram.nodes.items()}
    labels = [label_size(edge.label) for edge in diagram.edges]
    names = [label_size(group.name) for group in diagram.groups]
    # dot takes not every text for a name: "%" begins one of its own
    node_names = {key: f"n{number}" for number, key in enumerate(diagram.nodes)}
    with _GRAPHVIZ_LOCK:
        graph = _build_graph(diagram, node_names, sizes, labels, direction)
        for number, (group, size) in enumerate(zip(diagram.groups, names, strict=True)):
            graph.add_subgraph(
                [node_names[key] for key in group.keys],
                name=f"cluster_{number}",
                label=_EMPTY_LABEL.format(*size),
                labeljust="l",
                margin="14",
            )
        graph.layout(prog="dot")
        graphviz_output = _read_output(graph, diagram, node_names)
        graph.close()
    _, _, width, height = _parse_numbers(graphviz_output.bounding_box)
    nodes = {key: Box.at_centre(_parse_point(graphviz_output.nodes[key], height), size) for key, size in sizes.items()}
    if not diagram.edges:  # with edges, moving a row would separate it from them
        for layer in diagram.layers:
            middle = (nodes[layer.keys[0]].left + nodes[layer.keys[-1]].right) / 2
            nodes |= {key: nodes[key].shifted(width / 2 - middle) for key in layer.keys}
    routes = [
        _parse_route(edge, position, size, height)
        for edge, position, size in zip(diagram.edges, graphviz_output.edges, labels, strict=True)
    ]
    frames = [
        Frame(
            group,
            _parse_box(graphviz_output.frames[n][0], height),
            Box.at_centre(_parse_point(graphviz_output.frames[n][1], height), names[n]),
        )
        for n, group in enumerate(diagram.groups)
    ]
    return DiagramLayout((width, height), nodes, routes, frames)


@dataclass(frozen=True, slots=True)
class _GraphvizOutput:
    """dot's output as text: bounding box, positions of nodes, routes of edges, boxes of groups, positions of labels."""

    bounding_box: str
    nodes: dict[str, str]
    edges: list[tuple[str, str]]
    frames: list[tuple[str, str]]


def _build_graph(
    diagram: DiagramGraph, names: dict[str, str], sizes: dict[str, Size], labels: list[Size], direction: str
) -> pygraphviz.AGraph:
    graph = pygraphviz.AGraph(directed=True, strict=False, rankdir=direction, nodesep="0.45", ranksep="0.55")
    if diagram.layers:
        graph.graph_attr.update(ranksep="1.0")
    graph.node_attr.update(shape="box", fixedsize="true", label="")
    for key, (width, height) in sizes.items():
        graph.add_node(names[key], width=f"{width / _INCH:.4f}", height=f"{height / _INCH:.4f}")
    for number, (edge, size) in enumerate(zip(diagram.edges, labels, strict=True)):
        text = {"label": _EMPTY_LABEL.format(*size)} if edge.label else {}
        graph.add_edge(names[edge.source], names[edge.target], key=str(number), **text)
    for layer in diagram.layers:
        graph.add_subgraph([names[key] for key in layer.keys], rank="same")
    for upper, lower in pairwise(diagram.layers):
        first, second = names[upper.keys[0]], names[lower.keys[0]]
        graph.add_edge(first, second, key=f"below {second}", style="invis", weight="0")
    return graph


def _read_output(graph: pygraphviz.AGraph, diagram: DiagramGraph, names: dict[str, str]) -> _GraphvizOutput:
    edges = [
        graph.get_edge(names[edge.source], names[edge.target], key=str(n)).attr for n, edge in enumerate(diagram.edges)
    ]
    frames = [graph.get_subgraph(f"cluster_{n}") for n in range(len(diagram.groups))]
    return _GraphvizOutput(
        graph.graph_attr["bb"],
        {key: graph.get_node(name).attr["pos"] for key, name in names.items()},
        [(edge["pos"], edge["lp"]) for edge in edges],
        [(frame.graph_attr["bb"], frame.graph_attr["lp"]) for frame in frames],
    )


def _parse_route(edge: Edge, position: tuple[str, str], size: Size, height: float) -> Route:
    """Parse an edge of dot: "e,x,y" is the tip, the rest is the curve; y counts from below."""
    curve_text, label = position
    tip, *curve = [_parse_point(word.removeprefix("e,"), height) for word in curve_text.split()]
    return Route(edge, curve, tip, Box.at_centre(_parse_point(label, height), size) if edge.label else None)


def _parse_numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


def _parse_box(text: str, height: float) -> Box:
    left, below, right, above = _parse_numbers(text)
    return Box(left, height - above, right, height - below)


def _parse_point(text: str, height: float) -> Point:
    x, y = _parse_numbers(text)
    return x, height - y
