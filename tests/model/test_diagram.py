"""Diagrams: their graphs, and labels that stay in the picture without an overlap."""

import io
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.diagram import draw_prompt
from model.diagram.from_text.concepts import MAX_NODES, build_graph
from model.diagram.graph import DiagramGraph, Edge, Node
from model.diagram.layout import Box
from model.diagram.render import RenderedDiagram, draw_diagram
from model.passages import Chunk, Passage

PROMPTS = [
    "A conceptual diagram of LangChain in use",
    "A futuristic city with flying cars",
    "How a request becomes a response",
    "The water cycle: evaporation, condensation, precipitation and collection",
    "User -> API gateway -> model endpoint -> vector index",
    "Photosynthesis turns sunlight, water and carbon dioxide into glucose and oxygen",
    "LangChain",
    "x" * 300,
    "日本語の図",
    "!!!",
]
TEXT = (
    "LangChain is a framework designed to simplify the creation of applications using large language models. "
    "A request names the stages, and each stage fills a response. The response holds the answer and its sources."
)


def make_passage(text: str, source: str = "a.txt") -> Passage:
    return Passage(Chunk(source, "", "", 0, 0, len(text), text), 0.5)


def boxes_overlap(first: Box, second: Box) -> bool:
    return min(first.right, second.right) - max(first.left, second.left) > 0.5 and (
        min(first.bottom, second.bottom) - max(first.top, second.top) > 0.5
    )


def check_boxes(diagram: RenderedDiagram, size: tuple[int, int]) -> None:
    assert diagram.image.size == size
    for box in diagram.boxes:
        assert box.left >= 0
        assert box.top >= 0
        assert box.right <= size[0]
        assert box.bottom <= size[1]
    assert [(first, second) for first, second in combinations(diagram.boxes, 2) if boxes_overlap(first, second)] == []


@pytest.mark.parametrize("size", [(1536, 864), (1024, 1024), (256, 512)])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_labels_do_not_overlap_or_leave_the_picture(prompt: str, size: tuple[int, int]) -> None:
    graph = build_graph(prompt, [make_passage(TEXT)])
    for sample in (1, 2):
        diagram = draw_diagram(graph, "A caption " * 12, size, sample)
        assert len(diagram.boxes) == 2 + len(graph.nodes) + len([edge for edge in graph.edges if edge.label])
        check_boxes(diagram, size)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.text(alphabet="abc xyz", min_size=1, max_size=40).filter(str.strip), min_size=1, max_size=9, unique=True
    ),
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.text(alphabet="ab cd", max_size=30)), max_size=14),
)
def test_labels_of_random_graph_fit_into_the_picture(
    labels: list[str], connections: list[tuple[int, int, str]]
) -> None:
    nodes = {label: Node(label, label) for label in labels}
    ends = [(labels[a % len(labels)], labels[b % len(labels)], label.strip()) for a, b, label in connections]
    edges = {frozenset((a, b)): Edge(a, b, label) for a, b, label in ends if a != b}
    check_boxes(draw_diagram(DiagramGraph("A title", nodes, list(edges.values())), "A caption", (800, 450)), (800, 450))


def test_unrelated_prompts_give_different_graphs() -> None:
    graphs = [build_graph(prompt, [make_passage(TEXT)]) for prompt in PROMPTS[:6]]
    assert all(first.nodes.keys() != second.nodes.keys() for first, second in combinations(graphs, 2))


def test_graph_nodes_come_from_the_prompt_and_the_passages() -> None:
    graph = build_graph(
        "A conceptual diagram of LangChain in use",
        [make_passage(TEXT, "guide.md"), make_passage("Birds sing songs.", "b.txt")],
    )
    assert graph.title == "LangChain in use"
    assert [node.label for node in graph.nodes.values()] == [
        "LangChain",
        "Framework designed to simplify the creation of applications",
        "Request",
        "Stages",
        "Response",
        "Answer and its sources",
    ]
    assert [node.label for node in graph.nodes.values() if node.main] == ["LangChain"]
    assert [edge.label for edge in graph.edges] == ["is a", "names", "", "holds", ""]
    assert graph.sources == ["guide.md"]


def test_graph_omits_conditional_statements() -> None:
    assert build_graph("Foxes", [make_passage("If it rains, foxes eat worms.")]).edges == []


def test_graph_has_at_most_max_nodes() -> None:
    text = " ".join(f"Foxes eat animal{letter}." for letter in "abcdefghijklmnop")
    assert len(build_graph("Foxes", [make_passage(text)]).nodes) == MAX_NODES


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        ("A conceptual diagram of LangChain in use", "LangChain in use"),
        ("Draw me a picture of: the moon", "The moon"),
        ("please sketch an illustration showing foxes", "Foxes"),
        ("A diagram of: Foxes eat worms. [1]", "Foxes eat worms."),
        ("A futuristic city", "A futuristic city"),
    ],
)
def test_title_omits_words_that_request_a_picture(prompt: str, title: str) -> None:
    assert build_graph(prompt, []).title == title


def test_picture_is_equal_for_same_sample_and_differs_for_another() -> None:
    first, repetition, variant = (draw_prompt("A fox with a tail", [], sample=sample) for sample in (1, 1, 2))
    assert first.content == repetition.content != variant.content


def test_draw_prompt_returns_alt_text_and_picture_of_default_size() -> None:
    drawing = draw_prompt("LangChain", [make_passage(TEXT, "guide.md")])
    assert drawing.alt_text.startswith(
        "Diagram of LangChain: LangChain is a Framework designed to simplify the creation of applications; "
    )
    assert drawing.is_from_documents
    assert Image.open(io.BytesIO(drawing.content)).size == (1536, 864)


@pytest.mark.parametrize(("prompt", "is_from_documents"), [("LangChain", True), ("A castle", False)])
def test_picture_of_the_prompt_alone_says_so(prompt: str, is_from_documents: bool) -> None:
    drawing = draw_prompt(prompt, [make_passage(TEXT, "guide.md")])
    assert drawing.is_from_documents is is_from_documents
    assert drawing.alt_text.endswith("is not from the documents.") is not is_from_documents
