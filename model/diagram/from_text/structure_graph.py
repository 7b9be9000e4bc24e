"""Build the graph of a structure that was found in a document, in each style."""

from collections.abc import Sequence
from itertools import pairwise

from ..graph import MAX_NODES, DiagramGraph, Edge, Layer, Node
from .labels import capitalize, make_title
from .structures import Entry, Structure

_MAX_MEMBERS, _MAX_TITLE = 5, 60


def draw_structure(structure: Structure, style: str, title: str) -> DiagramGraph:
    """Return the graph of a structure.

    Args:
        structure: The structure.
        style: The style that the prompt asks for; empty for a flow of what has an order, and a map of anything else.
        title: Title of the diagram; that of a long prompt gives way to what the structure is about.
    """
    title = title if len(title) <= _MAX_TITLE else make_title(structure.subject)
    graph = DiagramGraph(title, style=style or ("flow" if structure.is_sequence else "map"))
    graph.sources.append(structure.source)
    if graph.style == "flow":
        add_steps(graph, structure.entries)
    elif graph.style == "layers":
        add_layers(graph, structure.entries)
    else:
        _add_map(graph, structure)
    return graph


def add_steps(graph: DiagramGraph, entries: Sequence[Entry]) -> None:
    """Add one step after the other, as many as there is room for."""
    for number, entry in enumerate(entries[:MAX_NODES], 1):
        key = f"step {number}"
        graph.nodes[key] = Node(key, capitalize(entry.label), step=number)
    graph.edges += [Edge(earlier, later, "") for earlier, later in pairwise(graph.nodes)]


def add_layers(graph: DiagramGraph, entries: Sequence[Entry]) -> None:
    """Add a layer for each entry, the first on top: its details below its name, or itself alone."""
    for number, entry in enumerate(entries[:MAX_NODES]):
        labels = [label for _, label in entry.details][:_MAX_MEMBERS] or [entry.label]
        keys = tuple(f"{number} {position}" for position in range(len(labels)))
        graph.nodes |= {key: Node(key, capitalize(label)) for key, label in zip(keys, labels, strict=True)}
        graph.layers.append(Layer(entry.label if entry.details else "", keys))


def _add_map(graph: DiagramGraph, structure: Structure) -> None:
    """Add the subject, its entries around it, and as many details of each entry as there is room for."""
    graph.nodes["main"] = Node("main", capitalize(structure.subject), main=True)
    entries = structure.entries[: MAX_NODES - 1]
    room = MAX_NODES - 1 - len(entries)
    for number, entry in enumerate(entries):
        graph.nodes[str(number)] = Node(str(number), capitalize(entry.label))
        is_repeated = entry.relation.lower().rstrip("s") == structure.subject.lower().rstrip("s")
        graph.edges.append(Edge("main", str(number), "" if is_repeated else entry.relation))
    detail_count = max(len(entry.details) for entry in entries)
    for position in range(detail_count):
        with_detail = [number for number, entry in enumerate(entries) if len(entry.details) > position]
        if len(with_detail) > room:
            break
        room -= len(with_detail)
        for number in with_detail:
            relation, label = entries[number].details[position]
            key = f"{number} {position}"
            graph.nodes[key] = Node(key, capitalize(label))
            graph.edges.append(Edge(str(number), key, relation))
