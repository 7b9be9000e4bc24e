"""An evaluation as pictures: figures with their intervals, scores, and the rows that went worst."""

from collections.abc import Iterator, Sequence
from textwrap import shorten, wrap

from matplotlib.figure import Figure as Picture

from .metrics import MEASURES
from .runner import Row
from .statistics import Figure

_INK, _GOOD, _BAD, _NONE = "#1b3a4b", "#2a9d8f", "#d1495b", "#8d99ae"
_WORST = 12
_CELL, _LINES = (44, 24, 44, 24), 3


def pictures(figures: Sequence[Figure], rows: Sequence[Row]) -> Iterator[tuple[str, Picture]]:
    """Each by the name of its file."""
    yield "figures.png", _figures(figures)
    if any("support" in row.told for row in rows):
        yield "scores.png", _scores(rows)
    yield "worst.png", _worst(rows)


def _figures(figures: Sequence[Figure]) -> Picture:
    shares = [one for one in figures if _is_share(one.name)][::-1]
    picture = Picture(figsize=(9, 1.2 + 0.42 * len(shares)), layout="constrained")
    axes = picture.subplots()
    for place, one in enumerate(shares):
        axes.plot([one.low, one.high], [place, place], color=_INK, linewidth=3, solid_capstyle="butt", alpha=0.35)
        axes.plot(one.value, place, "o", color=_INK)
        axes.text(1.03, place, f"{one.value:.3f}   n={one.count}", va="center", fontsize=9)
    axes.set_yticks(range(len(shares)), [MEASURES[one.name].words for one in shares])
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.6, len(shares) - 0.4), title="Shares, with 95 % intervals")
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return picture


def _is_share(name: str) -> bool:
    """Whether a figure is one of 0 to 1."""
    return name in MEASURES and name not in {"seconds", "cost"}


def _scores(rows: Sequence[Row]) -> Picture:
    told = [row for row in rows if "support" in row.told]
    kinds = {
        "answer there, found": [r.told["support"] for r in told if r.example.answerable and r.values.get("recall", 1)],
        "answer there, not found": [
            r.told["support"] for r in told if r.example.answerable and not r.values.get("recall", 1)
        ],
        "no answer there": [r.told["support"] for r in told if not r.example.answerable],
    }
    picture = Picture(figsize=(9, 4), layout="constrained")
    axes = picture.subplots()
    shown = {f"{name} ({len(values)})": values for name, values in kinds.items() if values}
    colours = [colour for colour, values in zip((_GOOD, _BAD, _NONE), kinds.values(), strict=True) if values]
    axes.hist([*shown.values()], bins=30, range=(0, 1), stacked=True, color=colours, label=[*shown])
    axes.set(xlabel="support: how much of a question the passages hold", ylabel="questions", title="Scores")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return picture


def _worst(rows: Sequence[Row]) -> Picture:
    """A table of the rows with the most that is wrong, slowest first among equals."""
    bad = sorted((row for row in rows if wrong(row)), key=lambda r: (-len(wrong(r)), -r.values["seconds"]))[:_WORST]
    picture = Picture(figsize=(13, 1.2 + 0.75 * max(1, len(bad))), layout="constrained")
    axes = picture.subplots()
    axes.set_axis_off()
    axes.set_title(f"Worst rows: {len(bad)} of the {sum(bool(wrong(row)) for row in rows)} with something wrong")
    if bad:
        names = ["asked", "expected", "came", "wrong"]
        widths = [wide / sum(_CELL) for wide in _CELL]
        cells = [_cells(row) for row in bad]
        table = axes.table(cells, colLabels=names, cellLoc="left", loc="center", colWidths=widths)
        table.auto_set_font_size(False)
        table.set_fontsize(8)
        table.scale(1, 3.2)
    return picture


def wrong(row: Row) -> list[str]:
    """The shares that a row misses."""
    shares = {name: value for name, value in row.values.items() if MEASURES[name].share and name != "recall_at_1"}
    return sorted(name for name, value in shares.items() if value != float(MEASURES[name].more))


def _cells(row: Row) -> list[str]:
    expected = row.example.wanted or row.example.source
    came = next((one["error"] for one in row.response.values() if one.get("error")), "") or row.told.get("answer", "")
    told = (row.example.question or row.example.prompt, expected or "(no answer)", came, ", ".join(wrong(row)))
    return [_fitted(text, wide) for text, wide in zip(told, _CELL, strict=True)]


def _fitted(text: str, wide: int) -> str:
    """Cut and wrapped to a cell."""
    return "\n".join(wrap(shorten(_plain(text), wide * _LINES, placeholder=" …"), wide))


def _plain(text: str) -> str:
    """Without what matplotlib would read as a formula."""
    return text.replace("$", r"\$")
