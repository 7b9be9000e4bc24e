"""Diagrams from the JSON of a chat model: parsing, messages about invalid replies, and drawing."""

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

SPECIFICATION: dict[str, Any] = {
    "title": "A lakehouse",
    "groups": [{"id": "g1", "label": "Storage"}, {"id": "g2", "label": "Compute"}],
    "nodes": [
        {"id": "a", "label": "Delta tables", "group": "g1", "main": True},
        {"id": "b", "label": "Volumes", "group": "g1"},
        {"id": "c", "label": "Spark cluster", "group": "g2"},
    ],
    "edges": [{"from": "c", "to": "a", "label": "reads"}, {"from": "a", "to": "a", "label": "itself"}],
}


def write_specification(**changes: Any) -> str:
    return json.dumps(SPECIFICATION | changes)


def test_reply_with_groups_becomes_a_graph_with_groups() -> None:
    graph = parse_specification(f"Here it is:\n```json\n{write_specification()}\n```").to_graph("map")
    assert [node.label for node in graph.nodes.values()] == ["Delta tables", "Volumes", "Spark cluster"]
    assert [node.main for node in graph.nodes.values()] == [True, False, False]
    assert graph.edges == [Edge("c", "a", "reads")]
    assert graph.groups == [Layer("Storage", ("a", "b")), Layer("Compute", ("c",))]
    beginning = "Diagram of A lakehouse: Spark cluster reads Delta tables; Volumes; "
    assert graph.in_words == beginning + "Storage: Delta tables, Volumes; Compute: Spark cluster."


def test_groups_become_layers_when_each_node_has_a_group() -> None:
    grouped = parse_specification(write_specification()).to_graph("layers")
    assert (grouped.layers, grouped.groups) == ([Layer("Storage", ("a", "b")), Layer("Compute", ("c",))], [])
    partly_grouped = parse_specification(
        write_specification(nodes=[*SPECIFICATION["nodes"], {"id": "d", "label": "Alone"}])
    ).to_graph("layers")
    assert (partly_grouped.layers, len(partly_grouped.groups)) == ([], 2)


def test_label_with_line_breaks_becomes_one_line() -> None:
    nodes = [{"id": "a", "label": " two\nlines\u0007 "}, {"id": "b", "label": "B"}]
    graph = parse_specification(write_specification(nodes=nodes, edges=[], groups=[])).to_graph("map")
    assert graph.nodes["a"].label == "two lines"


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ("no object", "there is no JSON object in it"),
        ('{"title": "x",', "there is no JSON object in it"),
        ("{'title': 1}", "it is no JSON: Expecting property name enclosed in double quotes at character 1"),
        (write_specification(title=""), "title: String should have at least 1 character"),
        (write_specification(nodes=SPECIFICATION["nodes"][:1], edges=[]), "nodes: List should have at least 2 items"),
        (
            write_specification(nodes=[{"id": str(n), "label": "x"} for n in range(MAX_NODES + 1)]),
            "nodes: List should have at most",
        ),
        (
            write_specification(nodes=[{"id": "a", "label": "x" * 61}, {"id": "c", "label": "y"}]),
            "nodes.0.label: String should have",
        ),
        (write_specification(edges=[{"from": "a", "to": "z"}]), "an edge leads to an id that is no node's"),
        (write_specification(groups=[]), "a node is in a group that is not there"),
        (
            write_specification(nodes=[{"id": "a", "label": "x"}, {"id": "a", "label": "y"}], edges=[]),
            "two nodes have the same id",
        ),
    ],
)
def test_invalid_reply_raises_a_message_for_the_model(reply: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_specification(reply)


def boxes_overlap(first: Box, second: Box) -> bool:
    return (
        min(first.right, second.right) - max(first.left, second.left) > 0.5
        and min(first.bottom, second.bottom) - max(first.top, second.top) > 0.5
    )


labels = st.text("abc def", min_size=1, max_size=40).filter(str.strip)
node_pairs = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=8)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(labels, min_size=2, max_size=8),
    node_pairs,
    labels,
)
def test_texts_of_a_drawing_do_not_overlap(names: list[str], pairs: list[tuple[int, int]], group: str) -> None:
    nodes = [{"id": str(n), "label": name} | ({"group": "g"} if n % 2 else {}) for n, name in enumerate(names)]
    edges = [{"from": str(a), "to": str(b), "label": "to"} for a, b in pairs if a < len(names) and b < len(names)]
    reply = json.dumps({"title": "T", "groups": [{"id": "g", "label": group}], "nodes": nodes, "edges": edges})
    boxes = draw_diagram(parse_specification(reply).to_graph("map"), "caption", (1536, 864)).boxes
    assert [(first, second) for first, second in combinations(boxes, 2) if boxes_overlap(first, second)] == []


def test_drawn_graph_is_a_png_with_a_description() -> None:
    content, description = draw_graph(
        parse_specification(write_specification()).to_graph("map"), "Written by x", "800x600", 1
    )
    assert content.startswith(b"\x89PNG")
    assert description.startswith("Diagram of A lakehouse")


@pytest.mark.parametrize(
    ("prompt", "expected"),
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
def test_wants_diagram_recognizes_prompts_for_diagrams(prompt: str, expected: bool) -> None:
    assert wants_diagram(prompt) == expected
