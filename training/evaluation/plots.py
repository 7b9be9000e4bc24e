"""Plot an evaluation: estimates with their intervals, support scores, and the worst examples."""

from collections.abc import Iterator, Sequence
from textwrap import shorten, wrap

from matplotlib.figure import Figure

from .metrics import METRICS
from .runner import EvaluatedExample
from .statistics import Estimate

_INK, _GOOD, _POOR, _NONE = "#1b3a4b", "#2a9d8f", "#d1495b", "#8d99ae"
_MAX_ROWS = 12
_CELL, _LINES = (44, 24, 44, 24), 3


def make_plots(estimates: Sequence[Estimate], rows: Sequence[EvaluatedExample]) -> Iterator[tuple[str, Figure]]:
    """Yield file names and plots.

    Args:
        estimates: Estimates of the metrics.
        rows: Evaluated examples.
    """
    yield "figures.png", _plot_estimates(estimates)
    if any("support" in row.answer_output for row in rows):
        yield "scores.png", _plot_scores(rows)
    yield "worst.png", _plot_worst(rows)


def _plot_estimates(estimates: Sequence[Estimate]) -> Figure:
    shares = [estimate for estimate in estimates if _is_share(estimate.name)][::-1]
    figure = Figure(figsize=(9, 1.2 + 0.42 * len(shares)), layout="constrained")
    axes = figure.subplots()
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
    return figure


def _is_share(name: str) -> bool:
    """Return whether a metric's values lie between 0 and 1."""
    return name in METRICS and name not in {"seconds", "cost"}


def _plot_scores(rows: Sequence[EvaluatedExample]) -> Figure:
    answered = [row for row in rows if "support" in row.answer_output]
    kinds = {
        "answerable, passage found": [
            r.answer_output["support"] for r in answered if r.example.is_answerable and r.metrics.get("recall", 1)
        ],
        "answerable, passage not found": [
            r.answer_output["support"] for r in answered if r.example.is_answerable and not r.metrics.get("recall", 1)
        ],
        "unanswerable": [r.answer_output["support"] for r in answered if not r.example.is_answerable],
    }
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    shown = {f"{name} ({len(values)})": values for name, values in kinds.items() if values}
    colours = [colour for colour, values in zip((_GOOD, _POOR, _NONE), kinds.values(), strict=True) if values]
    axes.hist([*shown.values()], bins=30, range=(0, 1), stacked=True, color=colours, label=[*shown])
    axes.set(xlabel="support: how much of a question the passages contain", ylabel="questions", title="Support")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


def _plot_worst(rows: Sequence[EvaluatedExample]) -> Figure:
    """Plot a table of the examples that miss most metrics; the slowest come first among equals."""
    worst = sorted(
        (row for row in rows if missed_metrics(row)), key=lambda r: (-len(missed_metrics(r)), -r.metrics["seconds"])
    )[:_MAX_ROWS]
    figure = Figure(figsize=(13, 1.2 + 0.75 * max(1, len(worst))), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_title(
        f"Worst examples: {len(worst)} of the {sum(bool(missed_metrics(row)) for row in rows)} that miss a metric"
    )
    if worst:
        names = ["question or prompt", "expected", "answer or error", "missed metrics"]
        widths = [width / sum(_CELL) for width in _CELL]
        cells = [_row_cells(row) for row in worst]
        table = axes.table(cells, colLabels=names, cellLoc="left", loc="center", colWidths=widths)
        table.auto_set_font_size(False)
        table.set_fontsize(8)
        table.scale(1, 3.2)
    return figure


def missed_metrics(row: EvaluatedExample) -> list[str]:
    """Return the names of the shares that an example misses; ``recall_at_1`` is not counted."""
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
    return [_wrap_to_cell(text, width) for text, width in zip(texts, _CELL, strict=True)]


def _wrap_to_cell(text: str, width: int) -> str:
    """Cut and wrap a text to the size of a cell; ``width`` is the width in characters."""
    return "\n".join(wrap(shorten(_escape_math(text), width * _LINES, placeholder=" …"), width))


def _escape_math(text: str) -> str:
    """Escape dollar signs, between which matplotlib reads a formula."""
    return text.replace("$", r"\$")
