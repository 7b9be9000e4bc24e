"""Layout: boxes and their overlaps, the places of nodes, and the routes of edges between them."""

from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.diagram.graph import DiagramGraph, Edge, Layer, Node
from model.diagram.layout import Box, DiagramLayout, Frame, Route, compute_layout

NODE_SIZE, LABEL_SIZE = (100.0, 40.0), (30.0, 12.0)
UNIT_BOX = Box(0, 0, 10, 10)
coordinates = st.integers(-50, 50)
boxes = st.tuples(coordinates, coordinates, st.integers(1, 40), st.integers(1, 40)).map(
    lambda numbers: Box(numbers[0], numbers[1], numbers[0] + numbers[2], numbers[1] + numbers[3])
)


def make_graph(keys: str, *edges: tuple[str, str, str], **parts: Any) -> DiagramGraph:
    """Return a graph with a node for each letter of ``keys``."""
    return DiagramGraph("T", {key: Node(key, key) for key in keys}, [Edge(*edge) for edge in edges], **parts)


def arrange(graph: DiagramGraph, direction: str = "TB") -> DiagramLayout:
    return compute_layout(graph, lambda _: NODE_SIZE, lambda _: LABEL_SIZE, direction=direction)


def test_box_has_its_centre_and_moves_to_the_right() -> None:
    box = Box(1, 2, 4, 8)
    assert box.centre == (2.5, 5)
    assert box.shifted(3) == Box(4, 2, 7, 8)
    assert box.shifted(-1) == Box(0, 2, 3, 8)


@given(boxes)
def test_box_is_that_of_its_centre_and_size(box: Box) -> None:
    size = (box.right - box.left, box.bottom - box.top)
    assert Box.at_centre(box.centre, size) == box


@pytest.mark.parametrize(
    ("box", "overlaps"),
    [
        (UNIT_BOX, True),
        (Box(5, 5, 15, 15), True),
        (Box(2, 2, 3, 3), True),
        (Box(10, 0, 20, 10), False),
        (Box(0, 10, 10, 20), False),
        (Box(9.7, 0, 20, 10), False),
        (Box(9.5, 0, 20, 10), True),
        (Box(0, 9.7, 10, 20), False),
        (Box(0, 9.5, 10, 20), True),
        (Box(20, 0, 30, 10), False),
        (Box(20, 20, 30, 30), False),
        (Box(5, 20, 15, 30), False),
    ],
)
def test_boxes_overlap_when_they_share_more_than_0_4_pixels(box: Box, overlaps: bool) -> None:
    assert UNIT_BOX.overlaps(box) == overlaps
    assert box.overlaps(UNIT_BOX) == overlaps


@given(boxes, boxes, st.integers(-9, 9))
def test_overlap_is_symmetric_and_moves_with_the_boxes(first: Box, second: Box, distance: int) -> None:
    assert first.overlaps(second) == second.overlaps(first)
    assert first.overlaps(second) == first.shifted(distance).overlaps(second.shifted(distance))
    assert first.overlaps(first)


EDGE = Edge("a", "b", "x")
DISTANT_BOX = Box(50, 50, 60, 60)


@pytest.mark.parametrize(
    ("nodes", "labels", "frame_labels", "is_clear"),
    [
        ([UNIT_BOX], [], [], True),
        ([UNIT_BOX, UNIT_BOX], [], [], False),
        ([UNIT_BOX], [DISTANT_BOX], [], True),
        ([UNIT_BOX], [UNIT_BOX], [], False),
        ([UNIT_BOX], [None], [], True),
        ([UNIT_BOX], [DISTANT_BOX, DISTANT_BOX], [], False),
        ([UNIT_BOX], [], [DISTANT_BOX], True),
        ([UNIT_BOX], [], [UNIT_BOX], False),
        ([UNIT_BOX], [DISTANT_BOX], [DISTANT_BOX], False),
    ],
)
def test_layout_is_clear_when_no_texts_overlap(
    nodes: list[Box], labels: list[Box | None], frame_labels: list[Box], is_clear: bool
) -> None:
    routes = [Route(EDGE, [], (0, 0), label) for label in labels]
    frames = [Frame(Layer("f", ("0",)), Box(0, 0, 99, 99), label) for label in frame_labels]
    layout = DiagramLayout((99, 99), {str(n): box for n, box in enumerate(nodes)}, routes, frames)
    assert layout.is_clear == is_clear


def test_single_node_is_the_whole_layout() -> None:
    layout = arrange(make_graph("a"))
    assert layout.size == pytest.approx(NODE_SIZE, abs=0.01)
    box = layout.nodes["a"]
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx((0, 0, *NODE_SIZE), abs=0.01)
    assert (layout.routes, layout.frames) == ([], [])


@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_edges_lead_in_the_direction_of_the_layout(direction: str) -> None:
    layout = arrange(make_graph("abc", ("a", "b", ""), ("b", "c", "")), direction)
    axis = 1 if direction == "TB" else 0
    places = [layout.nodes[key].centre for key in "abc"]
    distance = (40 if direction == "TB" else 100) + 0.55 * 72
    assert all(after[axis] - before[axis] == pytest.approx(distance, abs=1) for before, after in pairwise(places))
    assert len({round(centre[1 - axis]) for centre in places}) == 1


@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_route_runs_from_box_to_box_and_its_tip_touches_the_target(direction: str) -> None:
    layout = arrange(make_graph("ab", ("a", "b", "eats")), direction)
    (route,) = layout.routes
    source, target = layout.nodes["a"], layout.nodes["b"]
    assert route.edge == Edge("a", "b", "eats")
    assert len(route.curve) % 3 == 1
    end_of_source = (source.centre[0], source.bottom) if direction == "TB" else (source.right, source.centre[1])
    start_of_target = (target.centre[0], target.top) if direction == "TB" else (target.left, target.centre[1])
    assert route.curve[0] == pytest.approx(end_of_source, abs=1)
    assert route.tip == pytest.approx(start_of_target, abs=1)
    assert route.label
    assert (route.label.right - route.label.left, route.label.bottom - route.label.top) == pytest.approx(LABEL_SIZE)
    assert source.centre < route.label.centre < target.centre or direction == "TB"
    assert layout.is_clear


@pytest.mark.parametrize("key", ["%", "%s", "", "\\N", "<b>", "a\nb", "cluster_0"])
def test_key_of_a_node_may_be_any_text(key: str) -> None:
    graph = DiagramGraph("T", {name: Node(name, name) for name in (key, "x")}, [Edge(key, "x", "is")])
    assert set(arrange(graph).nodes) == {key, "x"}


def test_edge_without_words_has_no_label() -> None:
    assert arrange(make_graph("ab", ("a", "b", ""))).routes[0].label is None


def test_two_edges_between_the_same_nodes_have_their_own_labels() -> None:
    layout = arrange(make_graph("ab", ("a", "b", "eats"), ("a", "b", "likes"), ("b", "a", "fears")))
    assert [route.edge.label for route in layout.routes] == ["eats", "likes", "fears"]
    assert layout.is_clear


def test_layers_stand_below_each_other_in_their_order() -> None:
    layers = [Layer("", ("c",)), Layer("", ("a", "b")), Layer("", ("d",))]
    layout = arrange(make_graph("abcd", layers=layers))
    rows = [{round(layout.nodes[key].centre[1]) for key in layer.keys} for layer in layers]
    assert [len(row) for row in rows] == [1, 1, 1]
    heights = [row.pop() for row in rows]
    assert [after - before for before, after in pairwise(heights)] == [112, 112]  # the box, and an inch


def test_layers_without_edges_are_centred() -> None:
    layers = [Layer("", ("a",)), Layer("", ("b", "c", "d")), Layer("", ("e", "f"))]
    layout = arrange(make_graph("abcdef", layers=layers))
    for layer in layers:
        middle = (layout.nodes[layer.keys[0]].left + layout.nodes[layer.keys[-1]].right) / 2
        assert middle == pytest.approx(layout.size[0] / 2)


def test_frame_surrounds_the_nodes_of_its_group_with_its_name() -> None:
    groups = [Layer("Animals", ("a", "b")), Layer("Food", ("c",))]
    layout = arrange(make_graph("abcd", ("a", "c", ""), ("b", "d", ""), groups=groups))
    assert [frame.group for frame in layout.frames] == groups
    for frame in layout.frames:
        inner = [layout.nodes[key] for key in frame.group.keys] + [frame.label]
        assert all(frame.box.left < box.left and box.right < frame.box.right for box in inner)
        assert all(frame.box.top < box.top and box.bottom < frame.box.bottom for box in inner)
        assert (frame.label.right - frame.label.left) == pytest.approx(LABEL_SIZE[0])
        assert all(frame.label.bottom < layout.nodes[key].top for key in frame.group.keys)
    outer = [layout.nodes[key] for key in "d"]
    assert not any(frame.box.overlaps(box) for frame in layout.frames for box in outer)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 7),
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.sampled_from(["", "eats"])), max_size=9),
    st.sampled_from(["LR", "TB"]),
)
def test_nodes_of_any_graph_are_apart_and_inside(
    count: int, connections: list[tuple[int, int, str]], direction: str
) -> None:
    keys = "abcdefg"[:count]
    edges = [(keys[a % count], keys[b % count], label) for a, b, label in connections if a % count != b % count]
    layout = arrange(make_graph(keys, *edges), direction)
    assert [route.edge for route in layout.routes] == [Edge(*edge) for edge in edges]
    assert list(layout.nodes) == list(keys)
    assert not any(first.overlaps(second) for first, second in combinations(layout.nodes.values(), 2))
    for box in layout.nodes.values():
        assert (box.right - box.left, box.bottom - box.top) == pytest.approx(NODE_SIZE)
        assert min(box.left, box.top) > -0.5
        assert max(box.right - layout.size[0], box.bottom - layout.size[1]) < 0.5
