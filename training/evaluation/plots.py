"""An evaluation as pictures: figures with their intervals, scores, and the rows that went worst."""

from collections.abc import Iterator, Sequence
from textwrap import shorten, wrap

from matplotlib.figure import Figure as Picture

from .metrics import METRICS
from .runner import EvaluatedExample
from .statistics import Estimate

_INK, _GOOD, _POOR, _NONE = "#1b3a4b", "#2a9d8f", "#d1495b", "#8d99ae"
_MAX_ROWS = 12
_CELL, _LINES = (44, 24, 44, 24), 3


def make_plots(figures: Sequence[Estimate], rows: Sequence[EvaluatedExample]) -> Iterator[tuple[str, Picture]]:
    """Each by the name of its file."""
    yield "figures.png", _plot_estimates(figures)
    if any("support" in row.answer_output for row in rows):
        yield "scores.png", _plot_scores(rows)
    yield "worst.png", _plot_worst(rows)


def _plot_estimates(figures: Sequence[Estimate]) -> Picture:
    shares = [estimate for estimate in figures if _is_share(estimate.name)][::-1]
    picture = Picture(figsize=(9, 1.2 + 0.42 * len(shares)), layout="constrained")
    axes = picture.subplots()
    for row_number, estimate in enumerate(shares):
        axes.plot(
            [estimate.low, estimate.high],
            [row_number, row_number],
            color=_INK,
            linewidth=3,
            solid_capstyle="butt",
            alpha=0.35,
        )
        axes.plot(estimate.value, row_number, "o", color=_INK)
        axes.text(1.03, row_number, f"{estimate.value:.3f}   n={estimate.count}", va="center", fontsize=9)
    axes.set_yticks(range(len(shares)), [METRICS[estimate.name].description for estimate in shares])
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.6, len(shares) - 0.4), title="Shares, with 95 % intervals")
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return picture


def _is_share(name: str) -> bool:
    """Whether a figure is one of 0 to 1."""
    return name in METRICS and name not in {"seconds", "cost"}


def _plot_scores(rows: Sequence[EvaluatedExample]) -> Picture:
    answered = [row for row in rows if "support" in row.answer_output]
    kinds = {
        "answer there, found": [
            r.answer_output["support"] for r in answered if r.example.is_answerable and r.metrics.get("recall", 1)
        ],
        "answer there, not found": [
            r.answer_output["support"] for r in answered if r.example.is_answerable and not r.metrics.get("recall", 1)
        ],
        "no answer there": [r.answer_output["support"] for r in answered if not r.example.is_answerable],
    }
    picture = Picture(figsize=(9, 4), layout="constrained")
    axes = picture.subplots()
    shown = {f"{name} ({len(values)})": values for name, values in kinds.items() if values}
    colours = [colour for colour, values in zip((_GOOD, _POOR, _NONE), kinds.values(), strict=True) if values]
    axes.hist([*shown.values()], bins=30, range=(0, 1), stacked=True, color=colours, label=[*shown])
    axes.set(xlabel="support: how much of a question the passages hold", ylabel="questions", title="Scores")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return picture


def _plot_worst(rows: Sequence[EvaluatedExample]) -> Picture:
    """A table of the rows with the most that is wrong, slowest first among equals."""
    bad = sorted(
        (row for row in rows if missed_metrics(row)), key=lambda r: (-len(missed_metrics(r)), -r.metrics["seconds"])
    )[:_MAX_ROWS]
    picture = Picture(figsize=(13, 1.2 + 0.75 * max(1, len(bad))), layout="constrained")
    axes = picture.subplots()
    axes.set_axis_off()
    axes.set_title(
        f"Worst rows: {len(bad)} of the {sum(bool(missed_metrics(row)) for row in rows)} with something wrong"
    )
    if bad:
        names = ["asked", "expected", "came", "wrong"]
        widths = [wide / sum(_CELL) for wide in _CELL]
        cells = [_row_cells(row) for row in bad]
        table = axes.table(cells, colLabels=names, cellLoc="left", loc="center", colWidths=widths)
        table.auto_set_font_size(False)
        table.set_fontsize(8)
        table.scale(1, 3.2)
    return picture


def missed_metrics(row: EvaluatedExample) -> list[str]:
    """The shares that a row misses."""
    shares = {name: value for name, value in row.metrics.items() if METRICS[name].is_share and name != "recall_at_1"}
    return sorted(name for name, value in shares.items() if value != float(METRICS[name].more_is_better))


def _row_cells(row: EvaluatedExample) -> list[str]:
    expected = row.example.expected_text or row.example.source
    outcome = next(
        (output["error"] for output in row.response.values() if output.get("error")), ""
    ) or row.answer_output.get("answer", "")
    texts = (
        row.example.question or row.example.prompt,
        expected or "(no answer)",
        outcome,
        ", ".join(missed_metrics(row)),
    )
    return [_wrap_to_cell(text, wide) for text, wide in zip(texts, _CELL, strict=True)]


def _wrap_to_cell(text: str, wide: int) -> str:
    """Cut and wrapped to a cell."""
    return "\n".join(wrap(shorten(_escape_math(text), wide * _LINES, placeholder=" …"), wide))


def _escape_math(text: str) -> str:
    """Without what matplotlib would read as a formula."""
    return text.replace("$", r"\$")
