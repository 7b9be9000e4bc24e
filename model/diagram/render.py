"""Draw a layout with Pillow: boxes, arrows, labels, title and caption."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw

from . import fonts
from .graph import DiagramGraph, Layer, Node
from .layout import Box, DiagramLayout, Point, Route, Size, compute_layout
from .stopping import check_stop

_SMOOTH = 2  # drawn this many times larger, then scaled down: Pillow's own lines have jagged edges
_MARGIN, _TITLE, _CAPTION = 48, 40, 17
_NODE_TEXT, _EDGE_TEXT = 24, 18
_PAD_X, _PAD_Y, _WRAP, _EDGE_WRAP = 22, 16, 18, 16
_LARGEST = 1.7
_BAND, _BANDS = 34, "#f5f7fa"
_INK, _LINE, _PAPER, _QUIET = "#1f2933", "#7b8794", "#ffffff", "#616e7c"
_PALETTES = (
    ("#0b4f6c", "#e3f2f9", "#5fa8c7"),
    ("#5c3d8d", "#efe8f9", "#a487cf"),
    ("#1e6b4f", "#e4f4ec", "#6bb697"),
    ("#8a3b12", "#fbeee4", "#d59566"),
)


@dataclass(frozen=True, slots=True)
class RenderedDiagram:
    """The image, and the boxes of its texts."""

    image: Image.Image
    boxes: list[Box]

    def png(self) -> bytes:
        """Return the image as a PNG file."""
        out = io.BytesIO()
        self.image.save(out, "PNG", optimize=False, compress_level=6)
        return out.getvalue()


def draw_diagram(diagram: DiagramGraph, caption: str, size: tuple[int, int], sample: int = 1) -> RenderedDiagram:
    """Draw a graph.

    Args:
        diagram: The graph.
        caption: Text below the diagram.
        size: Width and height in pixels.
        sample: Which of several drawings, from 1: direction and colours differ.

    Returns:
        The image.
    """
    width, height = size
    unit = min(width / 1536, height / 864)
    top, below = (_MARGIN + _TITLE * 1.6) * unit, (_MARGIN + _CAPTION) * unit
    room = (width - 2 * _MARGIN * unit, height - top - below - 16 * unit)
    bands = _BAND * unit * _LARGEST if diagram.layers else 0.0
    top, room = top + bands, (room[0] - 2 * bands, room[1] - 1.5 * bands)
    layout, scale = _choose_layout(diagram, room, unit, sample)
    origin = (
        (width - layout.size[0] * scale) / 2,
        top + (room[1] - layout.size[1] * scale) / 2,
    )
    check_stop()
    pen = _Pen(Image.new("RGB", (width * _SMOOTH, height * _SMOOTH), _PAPER), _PALETTES[(sample - 1) % len(_PALETTES)])
    left, right = _MARGIN * unit, width - _MARGIN * unit
    foot = height - (_MARGIN - 8) * unit
    boxes = [
        pen.draw_line_of_text(diagram.title, Box(left, left, right, left + _TITLE * fonts.LEADING * unit), bold=True),
        pen.draw_line_of_text(caption, Box(left, foot - _CAPTION * fonts.LEADING * unit, right, foot), bold=False),
        *pen.draw_body(diagram, layout, origin, scale),
    ]
    check_stop()
    return RenderedDiagram(pen.image.resize(size, Image.Resampling.LANCZOS), boxes)


def _choose_layout(diagram: DiagramGraph, room: Size, unit: float, sample: int) -> tuple[DiagramLayout, float]:
    """Choose left to right or top to bottom, whichever can be shown larger; the other one for an even sample number.

    Groups are dropped from a diagram in which their frames would push labels onto one another.
    """
    layouts = _make_layouts(diagram)
    if diagram.groups:
        layouts = [layout for layout in layouts if layout.is_clear] or _make_layouts(replace(diagram, groups=[]))
    options = [(min(room[0] / layout.size[0], room[1] / layout.size[1], _LARGEST * unit), layout) for layout in layouts]
    scale, layout = sorted(options, key=lambda option: -option[0])[(sample - 1) % len(options)]
    return layout, scale


def _make_layouts(diagram: DiagramGraph) -> list[DiagramLayout]:
    layouts = []
    for direction in ("TB",) if diagram.layers else ("LR", "TB"):
        check_stop()
        layouts.append(compute_layout(diagram, _node_size, _label_size, direction=direction))
    return layouts


class _Pen:
    """The drawing of one diagram, on an image that is `_SMOOTH` times larger than the picture.

    Positions are in pixels of the picture.
    """

    def __init__(self, image: Image.Image, palette: tuple[str, str, str]) -> None:
        self.image, self._draw = image, ImageDraw.Draw(image)
        self._strong, self._light, self._edge = palette

    def draw_line_of_text(self, words: str, room: Box, *, bold: bool) -> Box:
        """Draw a line of text as high as ``room``, or smaller where it would be wider, and return its box."""
        points = (room.bottom - room.top) / fonts.LEADING
        points *= min(1.0, (room.right - room.left) / max(fonts.measure_width(words, points, bold=bold), 1.0))
        right, bottom = room.left + fonts.measure_width(words, points, bold=bold), room.top + points * fonts.LEADING
        box = Box(room.left, room.top, right, bottom)
        self._draw_text(words, (box.left, box.centre[1]), points, _INK if bold else _QUIET, bold=bold)
        return box

    def draw_body(self, diagram: DiagramGraph, layout: DiagramLayout, origin: Point, scale: float) -> list[Box]:
        """Draw the edges, then the nodes above them, and return the boxes of the nodes and of the edges' labels."""

        def place_box(box: Box) -> Box:
            corners = [(box.left, box.top), (box.right, box.bottom)]
            return Box(*(origin[axis] + corner[axis] * scale for corner in corners for axis in (0, 1)))

        boxes = [box for layer in diagram.layers for box in self._draw_band(layer, layout, origin, scale)]
        for frame in layout.frames:
            self._draw_frame(place_box(frame.box), scale)
        for route in layout.routes:
            self._draw_route(route, origin, scale)
        names = [(frame.group.name, frame.label) for frame in layout.frames]
        for words, label in [*names, *((route.edge.label, route.label) for route in layout.routes if route.label)]:
            boxes.append(place_box(label))
            self._draw_label(words, boxes[-1], scale)
        for key, box in layout.nodes.items():
            boxes.append(place_box(box))
            self._draw_node(diagram.nodes[key], boxes[-1], scale)
        return boxes

    def _draw_node(self, node: Node, box: Box, scale: float) -> None:
        fill, ink = (self._strong, _PAPER) if node.main else (self._light, _INK)
        self._draw.rounded_rectangle(
            self._zoomed((box.left, box.top), (box.right, box.bottom)),
            radius=12 * scale * _SMOOTH,
            fill=fill,
            outline=self._strong if node.main else self._edge,
            width=max(1, round(2 * scale * _SMOOTH)),
        )
        self._draw_lines(fonts.wrap_text(node.label, _WRAP), box, _NODE_TEXT * scale, ink, bold=node.main)
        if node.step:
            self._draw_step_number(node.step, (box.left, box.top), scale)

    def _draw_step_number(self, step: int, centre: Point, scale: float) -> None:
        """Draw the number of a step in a disc on the corner of its box."""
        half = 15 * scale
        disc = Box(centre[0] - half, centre[1] - half, centre[0] + half, centre[1] + half)
        self._draw.ellipse(self._zoomed((disc.left, disc.top), (disc.right, disc.bottom)), fill=self._strong)
        self._draw_lines([str(step)], disc, _EDGE_TEXT * scale, _PAPER, bold=True)

    def _draw_band(self, layer: Layer, layout: DiagramLayout, origin: Point, scale: float) -> Iterator[Box]:
        """Draw the band on which the boxes of a layer stand, and yield the box of the layer's name where it has one."""
        nodes = [layout.nodes[key] for key in layer.keys]
        top = origin[1] + (min(node.top for node in nodes) - _BAND) * scale
        bottom = origin[1] + (max(node.bottom for node in nodes) + _BAND / 2) * scale
        left, right = self._band_sides(layout, origin, scale)
        self._draw.rounded_rectangle(
            self._zoomed((left, top), (right, bottom)), radius=10 * scale * _SMOOTH, fill=_BANDS, outline=self._edge
        )
        if layer.name:
            name = Box(left + 14 * scale, top + 4 * scale, right, top + (4 + _EDGE_TEXT * fonts.LEADING) * scale)
            yield self.draw_line_of_text(layer.name, name, bold=False)

    def _draw_frame(self, box: Box, scale: float) -> None:
        """Draw the frame around the nodes of a group."""
        self._draw.rounded_rectangle(
            self._zoomed((box.left, box.top), (box.right, box.bottom)),
            radius=10 * scale * _SMOOTH,
            fill=_BANDS,
            outline=self._edge,
        )

    def _band_sides(self, layout: DiagramLayout, origin: Point, scale: float) -> tuple[float, float]:
        """Return left and right of all bands: those of the layout, and at least half the picture apart."""
        margin = self.image.width / _SMOOTH / 4
        middle = origin[0] + layout.size[0] * scale / 2
        half = max(layout.size[0] * scale / 2 + _PAD_X * scale, margin)
        return max(middle - half, _PAD_X * scale), min(middle + half, self.image.width / _SMOOTH - _PAD_X * scale)

    def _draw_label(self, words: str, box: Box, scale: float) -> None:
        self._draw_lines(fonts.wrap_text(words, _EDGE_WRAP), box, _EDGE_TEXT * scale, _QUIET, bold=False)

    def _draw_route(self, route: Route, origin: Point, scale: float) -> None:
        points = [(origin[0] + x * scale, origin[1] + y * scale) for x, y in [*_smooth_curve(route.curve), route.tip]]
        width = max(2, round(2.2 * scale * _SMOOTH))
        self._draw.line(self._zoomed(*points[:-1]), fill=_LINE, width=width, joint="curve")
        self._draw.polygon(self._zoomed(*_arrow_head(points[-2], points[-1], 6 * scale)), fill=_LINE)

    def _draw_lines(self, lines: list[str], box: Box, points: float, colour: str, *, bold: bool) -> None:
        x, middle = box.centre
        top = middle - (len(lines) - 1) * points * fonts.LEADING / 2
        for number, line in enumerate(lines):
            left = x - fonts.measure_width(line, points, bold=bold) / 2
            self._draw_text(line, (left, top + number * points * fonts.LEADING), points, colour, bold=bold)

    def _draw_text(self, words: str, left: Point, points: float, colour: str, *, bold: bool) -> None:
        """Draw a line of text from the middle of its left side on, each script in its own font."""
        (x, y), *_ = self._zoomed(left)
        for run, name in fonts.split_by_font(words):
            font = fonts.load_font(round(points * _SMOOTH), bold=bold, name=name)
            halo = 3 * _SMOOTH if colour == _QUIET else 0  # where an edge may pass below
            self._draw.text((x, y), run, font=font, fill=colour, anchor="lm", stroke_width=halo, stroke_fill=_PAPER)
            x += font.getlength(run)

    @staticmethod
    def _zoomed(*points: Point) -> list[Point]:
        return [(x * _SMOOTH, y * _SMOOTH) for x, y in points]


def _node_size(node: Node) -> Size:
    lines = fonts.wrap_text(node.label, _WRAP)
    width = max(fonts.measure_width(line, _NODE_TEXT, bold=node.main) for line in lines)
    return max(width + 2 * _PAD_X, 110), len(lines) * _NODE_TEXT * fonts.LEADING + 2 * _PAD_Y


def _label_size(words: str) -> Size:
    lines = fonts.wrap_text(words, _EDGE_WRAP)
    width = max(fonts.measure_width(line, _EDGE_TEXT, bold=False) for line in lines)
    return width + 10, len(lines) * _EDGE_TEXT * fonts.LEADING + 4


def _smooth_curve(curve: Sequence[Point], steps: int = 16) -> list[Point]:
    """Return points along cubic Bézier curves that share their ends."""
    points = [curve[0]]
    for start in range(0, len(curve) - 3, 3):
        a, b, c, d = curve[start : start + 4]
        for step in range(1, steps + 1):
            t = step / steps
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
            points.append(
                (
                    sum(w * p[0] for w, p in zip(weights, (a, b, c, d), strict=True)),
                    sum(w * p[1] for w, p in zip(weights, (a, b, c, d), strict=True)),
                )
            )
    return points


def _arrow_head(tail: Point, tip: Point, half: float) -> list[Point]:
    """Return the corners of an arrow head."""
    across, along = tip[0] - tail[0], tip[1] - tail[1]
    length = (across**2 + along**2) ** 0.5 or 1.0
    side = (-along / length * half, across / length * half)
    return [tip, (tail[0] + side[0], tail[1] + side[1]), (tail[0] - side[0], tail[1] - side[1])]
