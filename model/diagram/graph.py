"""Define a diagram before it has a shape: nodes, edges, a title, and the sources that it was made from."""

from dataclasses import dataclass, field

MAX_NODES = 9
"""Nodes of a diagram; more do not fit a slide."""


@dataclass(frozen=True, slots=True)
class Node:
    """A concept; ``main`` marks the diagram's subject, ``step`` is the number in a flow, from 1."""

    key: str
    label: str
    main: bool = False
    step: int = 0


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge between two nodes, by their keys; ``label`` is the verb or relation."""

    source: str
    target: str
    label: str


@dataclass(frozen=True, slots=True)
class Layer:
    """Nodes that belong together: a layer on top of the next one, or a frame. The name may be empty."""

    name: str
    keys: tuple[str, ...]


@dataclass(slots=True)
class DiagramGraph:
    """Nodes by key, in order of importance, and the edges between them.

    Attributes:
        title: Title of the diagram.
        nodes: Nodes by key.
        edges: Edges.
        layers: Layers from top to bottom that contain all nodes; empty for other styles.
        groups: Frames around some nodes.
        sources: Sources of the statements.
        style: One of interfaces.STYLES.
    """

    title: str
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    groups: list[Layer] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    style: str = "map"

    @property
    def in_words(self) -> str:
        """The diagram as a sentence, for readers who cannot see it."""
        labels = {key: node.label for key, node in self.nodes.items()}
        sentences = [" ".join([labels[e.source], e.label or "→", labels[e.target]]) for e in self.edges]
        joined = {key for edge in self.edges for key in (edge.source, edge.target)}
        sentences += [labels[key] for key in labels if key not in joined and not self.layers]
        sentences += [f"{group.name}: {', '.join(labels[key] for key in group.keys)}" for group in self.groups]
        if self.style == "flow":
            return f"Flow of {self.title}: " + "; ".join(sentences) + "."
        bands = [
            ", ".join(filter(None, [layer.name, *(labels[key] for key in layer.keys if labels[key] != layer.name)]))
            for layer in self.layers
        ]
        if bands:
            joints = "; ".join(sentences)
            return f"Layers of {self.title}, from the top: {'; '.join(bands)}." + (f" {joints}." if joints else "")
        return f"Diagram of {self.title}: " + "; ".join(sentences) + "."
