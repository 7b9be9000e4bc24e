"""A concept diagram before it has a shape: nodes, edges, a title and what it was made from."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Node:
    """A concept; ``main`` is the one that the diagram is about."""

    key: str
    label: str
    main: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """``source`` and ``target`` are keys of nodes; ``label`` the verb or relation between them."""

    source: str
    target: str
    label: str


@dataclass(slots=True)
class Diagram:
    """Nodes by key, in order of importance, and the edges between them."""

    title: str
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)

    @property
    def in_words(self) -> str:
        """The diagram as a sentence, for those who cannot see it."""
        labels = {key: node.label for key, node in self.nodes.items()}
        told = [" ".join([labels[e.source], e.label or "→", labels[e.target]]) for e in self.edges]
        alone = set(labels) - {key for edge in self.edges for key in (edge.source, edge.target)}
        return f"Diagram of {self.title}: " + "; ".join(told + [labels[key] for key in labels if key in alone]) + "."
