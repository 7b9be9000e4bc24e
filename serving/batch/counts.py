"""Where a batch stands: what this run did, and what its target has from all runs."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import ServingError

_BYTES_PER_TOKEN = 4


@dataclass(slots=True)
class BatchCounts:
    """Where a run stands.

    Attributes:
        rows: Rows of the source.
        to_ask: Rows that the plan asks, in this run and in later ones.
        asked_rows: Rows that were asked in this run.
        failed: Rows of these that failed.
        tokens: Tokens of this run.
        cost: US dollars of this run.
        request_bytes: Bytes of the requests that are to be asked.
        stages: Stages that are to run.
        seconds: Seconds since the first row was asked.
        errors: Numbers of failed rows by code.
    """

    rows: int = 0
    to_ask: int = 0
    asked_rows: int = 0
    failed: int = 0
    tokens: int = 0
    cost: float = 0.0
    request_bytes: int = 0
    stages: int = 0
    seconds: float = 0.0
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.asked_rows / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float:
        """Seconds until all planned rows are asked, at the same rate."""
        return (self.to_ask - self.asked_rows) / self.rate if self.rate else 0.0

    @property
    def input_tokens(self) -> int:
        """Tokens of the requests that are to be asked, without instructions and passages, from their bytes."""
        return self.request_bytes // _BYTES_PER_TOKEN


Report = Callable[[BatchCounts], None]


@dataclass(frozen=True, slots=True)
class BatchTotals:
    """Sums over all rows of a target: rows, failed rows, US dollars, tokens, seconds."""

    rows: int
    failures: int
    cost: float
    tokens: int
    seconds: float

    @property
    def cost_per_row(self) -> float | None:
        """US dollars of a row; None when there is no row."""
        return self.cost / self.rows if self.rows else None


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What a run asks, before it begins.

    Attributes:
        counts: Rows of the source, and what of them is to be asked.
        totals: Sums over what was answered before.
        version: The version that answers.
        repaid_calls: Most calls that are paid again, since the last run did not end by itself.
        has_batch_api: Whether the Batch API can be used.
    """

    counts: BatchCounts
    totals: BatchTotals
    version: str
    repaid_calls: int
    has_batch_api: bool

    @property
    def cost(self) -> float | None:
        """US dollars of what is to be asked, by what rows cost so far; None where none was answered."""
        per_row = self.totals.cost_per_row
        return None if per_row is None else per_row * self.counts.to_ask

    def check_cost(self, max_cost: float) -> None:
        """Check, before anything is sent, that the planned rows cost at most so much.

        Raises:
            ServingError: They are likely to cost more, or no row was answered yet by which their cost could be told.
        """
        if self.cost is None and self.counts.to_ask:
            raise ServingError(
                "--max-cost with --batch-api or --spark needs a sample, by which the cost can be told: --limit 50 first"
            )
        if self.cost is not None and self.cost > max_cost:
            raise ServingError(
                f"the {self.counts.to_ask} rows would cost up to about ${self.cost:g}, more than --max-cost "
                f"{max_cost:g}; nothing was sent"
            )
