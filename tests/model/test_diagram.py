"""Pictures: their graph, and that no text covers another or leaves the picture."""

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


def passage(text: str, source: str = "a.txt") -> Passage:
    return Passage(Chunk(source, "", "", 0, 0, len(text), text), 0.5)


def overlap(one: Box, other: Box) -> bool:
    return min(one.right, other.right) - max(one.left, other.left) > 0.5 and (
        min(one.bottom, other.bottom) - max(one.top, other.top) > 0.5
    )


def check(drawn: RenderedDiagram, size: tuple[int, int]) -> None:
    assert drawn.image.size == size
    for box in drawn.boxes:
        assert box.left >= 0
        assert box.top >= 0
        assert box.right <= size[0]
        assert box.bottom <= size[1]
    assert [(one, other) for one, other in combinations(drawn.boxes, 2) if overlap(one, other)] == []


@pytest.mark.parametrize("size", [(1536, 864), (1024, 1024), (256, 512)])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_no_label_covers_another_or_leaves_the_picture(prompt: str, size: tuple[int, int]) -> None:
    made = build_graph(prompt, [passage(TEXT)])
    for sample in (1, 2):
        drawn = draw_diagram(made, "A caption " * 12, size, sample)
        assert len(drawn.boxes) == 2 + len(made.nodes) + len([edge for edge in made.edges if edge.label])
        check(drawn, size)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.text(alphabet="abc xyz", min_size=1, max_size=40).filter(str.strip), min_size=1, max_size=9, unique=True
    ),
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.text(alphabet="ab cd", max_size=30)), max_size=14),
)
def test_any_graph_fits(labels: list[str], joins: list[tuple[int, int, str]]) -> None:
    nodes = {label: Node(label, label) for label in labels}
    ends = [(labels[a % len(labels)], labels[b % len(labels)], label.strip()) for a, b, label in joins]
    edges = {frozenset((a, b)): Edge(a, b, label) for a, b, label in ends if a != b}
    check(draw_diagram(DiagramGraph("A title", nodes, list(edges.values())), "A caption", (800, 450)), (800, 450))


def test_unrelated_prompts_give_different_graphs() -> None:
    graphs = [build_graph(prompt, [passage(TEXT)]) for prompt in PROMPTS[:6]]
    assert all(one.nodes.keys() != other.nodes.keys() for one, other in combinations(graphs, 2))


def test_nodes_come_from_the_prompt_and_from_the_passages() -> None:
    made = build_graph(
        "A conceptual diagram of LangChain in use", [passage(TEXT, "guide.md"), passage("Birds sing songs.", "b.txt")]
    )
    assert made.title == "LangChain in use"
    assert [node.label for node in made.nodes.values()] == [
        "LangChain",
        "Framework",
        "Creation of applications",
        "Large language models",
    ]
    assert [node.label for node in made.nodes.values() if node.main] == ["LangChain"]
    assert [edge.label for edge in made.edges] == ["is", "designed to simplify", "using"]
    assert made.sources == ["guide.md"]


def test_what_holds_under_a_condition_is_left_out() -> None:
    assert build_graph("Foxes", [passage("If it rains, foxes eat worms.")]).edges == []


def test_a_slide_is_never_too_full() -> None:
    text = " ".join(f"Foxes eat animal{letter}." for letter in "abcdefghijklmnop")
    assert len(build_graph("Foxes", [passage(text)]).nodes) == MAX_NODES


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
def test_what_only_asks_for_a_picture_is_left_out(prompt: str, title: str) -> None:
    assert build_graph(prompt, []).title == title


def test_the_picture_is_the_same_each_time_and_another_sample_another() -> None:
    first, again, other = (draw_prompt("A fox with a tail", [], sample=sample)[0] for sample in (1, 1, 2))
    assert first == again != other


def test_the_caption_names_its_sources() -> None:
    content, told = draw_prompt("LangChain", [passage(TEXT, "guide.md")])
    assert told.startswith("Diagram of LangChain: LangChain is Framework; ")
    assert Image.open(io.BytesIO(content)).size == (1536, 864)
