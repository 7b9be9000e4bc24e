"""Graphs in words: what a reader who cannot see the diagram is given."""

import pytest

from model.diagram.graph import DiagramGraph, Edge, Layer, Node

NODES = {key: Node(key, label) for key, label in (("a", "Fox"), ("b", "Berries"), ("c", "Cat"))}
EATS, PLAIN = Edge("a", "b", "eats"), Edge("b", "c", "")
LAYERS = [Layer("Animals", ("a", "c")), Layer("", ("b",))]


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        (DiagramGraph("Food"), "Diagram of Food: ."),
        (DiagramGraph("Food", NODES), "Diagram of Food: Fox; Berries; Cat."),
        (DiagramGraph("Food", NODES, [EATS]), "Diagram of Food: Fox eats Berries; Cat."),
        (DiagramGraph("Food", NODES, [EATS, PLAIN]), "Diagram of Food: Fox eats Berries; Berries → Cat."),
        (DiagramGraph("Food", NODES, [PLAIN]), "Diagram of Food: Berries → Cat; Fox."),
        (
            DiagramGraph("Food", NODES, [EATS], groups=[Layer("Animals", ("a", "c"))]),
            "Diagram of Food: Fox eats Berries; Cat; Animals: Fox, Cat.",
        ),
        (DiagramGraph("Food", NODES, [EATS, PLAIN], style="flow"), "Flow of Food: Fox eats Berries; Berries → Cat."),
        (
            DiagramGraph("Food", NODES, [EATS], layers=LAYERS, style="flow"),
            "Flow of Food: Fox eats Berries.",
        ),
        (
            DiagramGraph("Food", NODES, layers=LAYERS, style="layers"),
            "Layers of Food, from the top: Animals, Fox, Cat; Berries.",
        ),
        (
            DiagramGraph("Food", NODES, [EATS], layers=LAYERS, style="layers"),
            "Layers of Food, from the top: Animals, Fox, Cat; Berries. Fox eats Berries.",
        ),
        (DiagramGraph("Food", NODES, [EATS], style="layers"), "Diagram of Food: Fox eats Berries; Cat."),
    ],
)
def test_graph_is_described_by_its_style(graph: DiagramGraph, words: str) -> None:
    assert graph.in_words == words


def test_layer_that_is_named_like_its_node_is_read_once() -> None:
    layers = [Layer("Fox", ("a",)), Layer("Food", ("b", "c"))]
    words = DiagramGraph("Food", NODES, layers=layers).in_words
    assert words == "Layers of Food, from the top: Fox; Food, Berries, Cat."


def test_graphs_do_not_share_their_lists() -> None:
    first, second = DiagramGraph("a"), DiagramGraph("b")
    first.nodes["a"] = Node("a", "A")
    for collection in (first.edges, first.layers, first.groups, first.sources):
        collection.append(None)  # type: ignore[arg-type]
    assert (second.nodes, second.edges, second.layers, second.groups, second.sources) == ({}, [], [], [], [])
    assert (second.style, Node("a", "A").main, Node("a", "A").step) == ("map", False, 0)
