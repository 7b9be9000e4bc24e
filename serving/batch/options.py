"""What is asked of a batch, and whether it goes on with what its target has from earlier runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..doors.described_stage import DescribedStage
from ..errors import ServingError
from .mapping import KEY_COLUMN

ALL_CODES = "all"


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """What is asked of a batch.

    Attributes:
        source: The table.
        out: Where the answers go.
        entries: ``STAGE.FIELD=COLUMN``.
        key: The key column; empty for a hash of the request.
        limit: Most rows that are asked in this run; 0 for no limit.
        updates: Whether rows are asked that are new, changed, or answered by another version.
        retried_codes: Codes of failed rows that are asked again; ALL_CODES for all, none for none.
        max_cost: US dollars after which no further row is begun; None for no limit.
    """

    source: Path
    out: Path
    entries: Sequence[str] = ()
    key: str = ""
    limit: int = 0
    updates: bool = False
    retried_codes: frozenset[str] = frozenset()
    max_cost: float | None = None

    @property
    def key_column(self) -> str:
        """Name of the key in the output."""
        return self.key or KEY_COLUMN

    def describe_output(self, stages: Sequence[DescribedStage]) -> dict[str, str]:
        """Return what all runs into one target have in common, in words, by name."""
        return {"key": self.key_column, "stages": ", ".join(stage.name for stage in stages)}


def check_earlier_run(
    earlier: Mapping[str, str], fixed: Mapping[str, str], changeable: Mapping[str, str], *, updates: bool
) -> None:
    """Check that a run goes on with the earlier one into the same target.

    Args:
        earlier: What is noted of the earlier run, by name.
        fixed: What has to be the same, by name.
        changeable: What may differ where rows are updated, by name.
        updates: Whether rows are updated.

    Raises:
        ServingError: Something differs.
    """
    for name, value in fixed.items():
        if earlier[name] != value:
            raise ServingError(
                f"the earlier run into this target had the {name} {earlier[name]}, and this one has {value}; give "
                "another --out"
            )
    for name, value in changeable.items():
        if earlier[name] != value and not updates:
            raise ServingError(
                f"the earlier run into this target had the {name} {earlier[name]}, and this one has {value}; --update "
                "asks the rows that this changes, or give another --out"
            )
