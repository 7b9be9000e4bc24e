"""Diagrams as a chat model writes them: what is taken, what is said of what is not, and how they are drawn."""

import json
import re
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.diagram import draw_graph
from model.diagram.from_json import MAX_NODES, parse_specification
from model.diagram.from_text.prompt_parsing import wants_diagram
from model.diagram.graph import Edge, Layer
from model.diagram.layout import Box
from model.diagram.render import draw_diagram

WHOLE: dict[str, Any] = {
    "title": "A lakehouse",
    "groups": [{"id": "g1", "label": "Storage"}, {"id": "g2", "label": "Compute"}],
    "nodes": [
        {"id": "a", "label": "Delta tables", "group": "g1", "main": True},
        {"id": "b", "label": "Volumes", "group": "g1"},
        {"id": "c", "label": "Spark cluster", "group": "g2"},
    ],
    "edges": [{"from": "c", "to": "a", "label": "reads"}, {"from": "a", "to": "a", "label": "itself"}],
}


def written(**changes: Any) -> str:
    return json.dumps(WHOLE | changes)


def test_a_reply_becomes_a_diagram_with_groups() -> None:
    made = parse_specification(f"Here it is:\n```json\n{written()}\n```").to_graph("map")
    assert [node.label for node in made.nodes.values()] == ["Delta tables", "Volumes", "Spark cluster"]
    assert [node.main for node in made.nodes.values()] == [True, False, False]
    assert made.edges == [Edge("c", "a", "reads")]
    assert made.groups == [Layer("Storage", ("a", "b")), Layer("Compute", ("c",))]
    told = "Diagram of A lakehouse: Spark cluster reads Delta tables; Volumes; "
    assert made.in_words == told + "Storage: Delta tables, Volumes; Compute: Spark cluster."


def test_groups_are_bands_when_layers_are_asked_for() -> None:
    made = parse_specification(written()).to_graph("layers")
    assert (made.layers, made.groups) == ([Layer("Storage", ("a", "b")), Layer("Compute", ("c",))], [])
    apart = parse_specification(written(nodes=[*WHOLE["nodes"], {"id": "d", "label": "Alone"}])).to_graph("layers")
    assert (apart.layers, len(apart.groups)) == ([], 2)


def test_labels_are_of_one_line() -> None:
    nodes = [{"id": "a", "label": " two\nlines\u0007 "}, {"id": "b", "label": "B"}]
    made = parse_specification(written(nodes=nodes, edges=[], groups=[])).to_graph("map")
    assert made.nodes["a"].label == "two lines"


@pytest.mark.parametrize(
    ("reply", "wrong"),
    [
        ("no object", "there is no JSON object in it"),
        ('{"title": "x",', "there is no JSON object in it"),
        ("{'title': 1}", "it is no JSON: Expecting property name enclosed in double quotes at character 1"),
        (written(title=""), "title: String should have at least 1 character"),
        (written(nodes=WHOLE["nodes"][:1], edges=[]), "nodes: List should have at least 2 items"),
        (
            written(nodes=[{"id": str(n), "label": "x"} for n in range(MAX_NODES + 1)]),
            "nodes: List should have at most",
        ),
        (
            written(nodes=[{"id": "a", "label": "x" * 61}, {"id": "c", "label": "y"}]),
            "nodes.0.label: String should have",
        ),
        (written(edges=[{"from": "a", "to": "z"}]), "an edge leads to an id that is no node's"),
        (written(groups=[]), "a node is in a group that is not there"),
        (written(nodes=[{"id": "a", "label": "x"}, {"id": "a", "label": "y"}], edges=[]), "two nodes have the same id"),
    ],
)
def test_what_is_no_diagram_is_told_in_words_for_the_model(reply: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=re.escape(wrong)):
        parse_specification(reply)


def overlap(one: Box, other: Box) -> bool:
    return (
        min(one.right, other.right) - max(one.left, other.left) > 0.5
        and min(one.bottom, other.bottom) - max(one.top, other.top) > 0.5
    )


labels = st.text("abc def", min_size=1, max_size=40).filter(str.strip)
joints = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=8)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(labels, min_size=2, max_size=8),
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=8),
    labels,
)
def test_no_text_of_a_drawing_covers_another(names: list[str], pairs: list[tuple[int, int]], group: str) -> None:
    nodes = [{"id": str(n), "label": name} | ({"group": "g"} if n % 2 else {}) for n, name in enumerate(names)]
    edges = [{"from": str(a), "to": str(b), "label": "to"} for a, b in pairs if a < len(names) and b < len(names)]
    reply = json.dumps({"title": "T", "groups": [{"id": "g", "label": group}], "nodes": nodes, "edges": edges})
    boxes = draw_diagram(parse_specification(reply).to_graph("map"), "caption", (1536, 864)).boxes
    assert [(one, other) for one, other in combinations(boxes, 2) if overlap(one, other)] == []


def test_a_picture_of_it() -> None:
    content, told = draw_graph(parse_specification(written()).to_graph("map"), "Written by x", "800x600", 1)
    assert content.startswith(b"\x89PNG")
    assert told.startswith("Diagram of A lakehouse")


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("A conceptual diagram of LangChain in use", True),
        ("Flowchart of an order", True),
        ("user -> gateway -> model", True),
        ("Ein Schaubild der Photosynthese", True),
        ("一张流程图", True),
        ("Mind map of Databricks", True),
        ("A futuristic city with flying cars", False),
        ("A portrait of a dog", False),
        ("Rivers that flow to the sea", False),
    ],
)
def test_prompts_that_ask_for_a_diagram(prompt: str, wanted: bool) -> None:
    assert wants_diagram(prompt) == wanted
