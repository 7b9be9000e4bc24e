"""Pictures of diagrams: where texts stand, how large they are, and in which colours they are drawn."""

import io
from itertools import combinations, pairwise
from typing import Any

import pytest
from PIL import Image

from model.diagram import fonts
from model.diagram.graph import DiagramGraph, Edge, Layer, Node
from model.diagram.layout import Box
from model.diagram.render import RenderedDiagram, draw_diagram

SIZE = (1536, 864)
PAPER, LINE, BAND = "#ffffff", "#7b8794", "#f5f7fa"
PALETTES = [
    ("#0b4f6c", "#e3f2f9"),
    ("#5c3d8d", "#efe8f9"),
    ("#1e6b4f", "#e4f4ec"),
    ("#8a3b12", "#fbeee4"),
]
EDGE = ("a", "b", "eats")


def make_graph(keys: str, *edges: tuple[str, str, str], title: str = "T", main: str = "", **parts: Any) -> DiagramGraph:
    """Return a graph with a node for each letter of ``keys``."""
    nodes = {key: Node(key, key.upper(), key == main) for key in keys}
    return DiagramGraph(title, nodes, [Edge(*edge) for edge in edges], **parts)


def corners(box: Box) -> list[float]:
    return [round(number, 1) for number in (box.left, box.top, box.right, box.bottom)]


def read_colour(diagram: RenderedDiagram, x: float, y: float) -> str:
    red, green, blue = diagram.image.getpixel((round(x), round(y)))  # type: ignore[misc]
    return f"#{red:02x}{green:02x}{blue:02x}"


def read_fill(diagram: RenderedDiagram, box: Box) -> str:
    """Return the colour between the left side of a node's box and its label."""
    return read_colour(diagram, box.left + 8, box.centre[1])


def measure_sides(box: Box) -> tuple[float, float]:
    return box.right - box.left, box.bottom - box.top


def test_title_stands_above_and_caption_below() -> None:
    diagram = draw_diagram(make_graph("a"), "Cap", SIZE)
    assert [corners(box) for box in diagram.boxes[:2]] == [[48, 48, 71.2, 98], [48, 802.8, 78.7, 824]]
    assert diagram.image.size == SIZE


@pytest.mark.parametrize(("words", "is_full"), [("short", False), ("word " * 12, False), ("word " * 30, True)])
def test_text_that_is_too_wide_becomes_smaller_until_it_fits(words: str, is_full: bool) -> None:
    title, caption = draw_diagram(make_graph("a", title=words), words * 3, SIZE).boxes[:2]
    assert (title.right == pytest.approx(1488), measure_sides(title)[1] == pytest.approx(50)) == (is_full, not is_full)
    assert caption.right <= 1488.001


def test_single_node_is_drawn_at_most_1_7_times_as_large_in_the_middle() -> None:
    node = draw_diagram(make_graph("a"), "Cap", SIZE).boxes[2]
    assert corners(node) == [674.5, 394.8, 861.5, 500.2]
    assert measure_sides(node) == pytest.approx((1.7 * 110, 1.7 * (24 * 1.25 + 32)))


def test_long_label_makes_its_box_wider_and_higher() -> None:
    label = "creation of many applications"
    node = draw_diagram(DiagramGraph("T", {"a": Node("a", label)}), "Cap", SIZE).boxes[2]
    width = fonts.measure_width("creation of many", 24, bold=False)
    assert measure_sides(node) == pytest.approx((1.7 * (width + 44), 1.7 * (2 * 24 * 1.25 + 32)))


def test_label_of_an_edge_has_the_size_of_its_words() -> None:
    diagram = draw_diagram(make_graph("ab", EDGE), "Cap", SIZE)
    width = fonts.measure_width("eats", 18, bold=False)
    assert measure_sides(diagram.boxes[2]) == pytest.approx((1.7 * (width + 10), 1.7 * (18 * 1.25 + 4)))


@pytest.mark.parametrize("keys", ["a", "abc"])
def test_picture_of_half_the_size_has_all_texts_half_as_large(keys: str) -> None:
    graph = make_graph(keys, *[(first, second, "eats") for first, second in pairwise(keys)])
    full_size, half_size = (draw_diagram(graph, "A caption", size).boxes for size in (SIZE, (768, 432)))
    assert [
        corners(Box(*(2 * number for number in (box.left, box.top, box.right, box.bottom)))) for box in half_size
    ] == [corners(box) for box in full_size]


@pytest.mark.parametrize("size", [(1536, 1728), (3072, 864)])
def test_texts_are_as_large_as_the_shorter_side_allows(size: tuple[int, int]) -> None:
    title, _, node = draw_diagram(make_graph("a"), "Cap", size).boxes
    assert corners(title) == [48, 48, 71.2, 98]
    assert measure_sides(node) == pytest.approx((1.7 * 110, 1.7 * 62))


def test_large_graph_is_scaled_down_into_the_room() -> None:
    keys = "abcdefghi"
    diagram = draw_diagram(make_graph(keys, *[(key, after, "eats") for key, after in pairwise(keys)]), "Cap", SIZE)
    nodes = diagram.boxes[-9:]
    assert max(box.right for box in nodes) - min(box.left for box in nodes) == pytest.approx(1536 - 96, abs=0.5)
    assert measure_sides(nodes[0])[0] < 110


@pytest.mark.parametrize("sample", [1, 2, 3, 4])
def test_sample_chooses_the_colours(sample: int) -> None:
    strong, light = PALETTES[sample - 1]
    diagram = draw_diagram(make_graph("ab", EDGE, main="a"), "Cap", SIZE, sample)
    main, other_node = diagram.boxes[-2:]
    assert (read_fill(diagram, main), read_fill(diagram, other_node)) == (strong, light)
    assert read_colour(diagram, 5, 5) == PAPER


@pytest.mark.parametrize("layers", [[], [Layer("", ("a",)), Layer("", ("b",))]])
def test_samples_repeat_after_four(layers: list[Layer]) -> None:
    graph = make_graph("ab", EDGE, layers=layers)
    pictures = [draw_diagram(graph, "Cap", SIZE, sample).png() for sample in range(1, 6)]
    assert pictures[4] == pictures[0]
    assert len(set(pictures)) == 4


def test_even_sample_has_the_other_direction() -> None:
    graph = make_graph("ab", EDGE)
    directions = []
    for sample in (1, 2, 3, 4):
        first, second = draw_diagram(graph, "Cap", SIZE, sample).boxes[-2:]
        directions.append("LR" if second.left > first.right else "TB" if second.top > first.bottom else "")
    assert directions == ["LR", "TB", "LR", "TB"]


def test_first_sample_has_the_direction_in_which_more_fits() -> None:
    keys = "abcdef"
    graph = make_graph(keys, *[(key, after, "") for key, after in pairwise(keys)])
    wide, high = (draw_diagram(graph, "Cap", size).boxes[-6:] for size in ((1600, 400), (400, 1600)))
    assert wide[-1].left > wide[0].right
    assert high[-1].top > high[0].bottom


def test_edge_is_a_line_with_a_head_at_its_target() -> None:
    diagram = draw_diagram(make_graph("ab", ("a", "b", "")), "Cap", SIZE)
    source, target = diagram.boxes[-2:]
    y = source.centre[1]
    assert read_colour(diagram, source.right + 5, y) == LINE
    assert read_colour(diagram, target.left - 10, y) == LINE
    heights = [
        sum(read_colour(diagram, x, y + offset) == LINE for offset in range(-30, 31))
        for x in (source.right + 5, target.left - 13)
    ]
    assert heights[1] > 2 * heights[0]


def test_step_has_its_number_in_a_disc_on_its_corner() -> None:
    nodes = {key: Node(key, key.upper(), step=step) for step, key in ((1, "a"), (0, "b"))}
    diagram = draw_diagram(DiagramGraph("T", nodes, [Edge("a", "b", "")]), "Cap", SIZE)
    step, plain_node = diagram.boxes[-2:]
    assert read_colour(diagram, step.left - 16, step.top) == PALETTES[0][0]
    assert read_colour(diagram, step.left - 30, step.top) == PAPER
    assert read_colour(diagram, plain_node.left - 16, plain_node.top) == PAPER


def test_layers_stand_on_bands_with_their_names() -> None:
    graph = make_graph("abc", layers=[Layer("Top", ("a",)), Layer("", ("b", "c"))])
    diagram = draw_diagram(graph, "Cap", SIZE)
    assert len(diagram.boxes) == 2 + 1 + 3
    name, top, left, right = diagram.boxes[2:]
    assert (left.top, left.bottom) == (right.top, right.bottom)
    assert (left.centre[0] + right.centre[0]) / 2 == pytest.approx(top.centre[0]) == pytest.approx(768)
    assert name.bottom < top.top < top.bottom < left.top
    for node in (top, left):
        assert read_colour(diagram, 400, node.centre[1]) == BAND  # at least half the picture wide
        assert read_colour(diagram, 370, node.centre[1]) == PAPER
        assert read_colour(diagram, 400, node.bottom + 34) == PAPER


def test_diagram_without_layers_has_no_bands() -> None:
    diagram = draw_diagram(make_graph("a"), "Cap", SIZE)
    assert read_colour(diagram, 500, diagram.boxes[2].centre[1]) == PAPER


def test_group_is_a_frame_around_its_nodes_with_its_name() -> None:
    diagram = draw_diagram(make_graph("abc", ("a", "b", ""), groups=[Layer("Animals", ("a", "b"))]), "Cap", SIZE)
    assert len(diagram.boxes) == 2 + 1 + 3
    name, first, second, alone_node = diagram.boxes[2:]
    assert name.bottom < first.top
    assert read_colour(diagram, (first.right + second.left) / 2, first.top + 5) == BAND
    assert read_colour(diagram, first.left - 10, first.centre[1]) == BAND
    assert read_colour(diagram, alone_node.left - 10, alone_node.centre[1]) == PAPER
    assert not any(first_box.overlaps(second_box) for first_box, second_box in combinations(diagram.boxes, 2))


def test_label_of_a_node_is_drawn_in_the_middle_of_its_box() -> None:
    diagram = draw_diagram(make_graph("a"), "Cap", SIZE)
    box = diagram.boxes[2]
    light = Image.new("RGB", SIZE, PALETTES[0][1])
    inner = tuple(round(number) for number in (box.left + 15, box.top + 15, box.right - 15, box.bottom - 15))
    differences = [
        (x, y)
        for x in range(inner[0], inner[2])
        for y in range(inner[1], inner[3])
        if diagram.image.getpixel((x, y)) != light.getpixel((0, 0))
    ]
    columns = [x for x, _ in differences]
    assert (min(columns) + max(columns)) / 2 == pytest.approx(box.centre[0], abs=1.5)


def test_png_holds_the_picture() -> None:
    diagram = draw_diagram(make_graph("ab", EDGE), "Cap", (300, 256))
    picture = Image.open(io.BytesIO(diagram.png()))
    assert (picture.format, picture.size, picture.mode) == ("PNG", (300, 256), "RGB")
    assert picture.tobytes() == diagram.image.tobytes()
