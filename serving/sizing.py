"""How large an endpoint has to be: a unit of concurrency serves one request at a time, for as long as it takes."""

import math
from dataclasses import dataclass

from .errors import ServingError

SIZES = {"Small": (4, 4), "Medium": (8, 16), "Large": (16, 64)}
"""Workload sizes of Databricks Model Serving: units that are always there, and at most."""


@dataclass(frozen=True, slots=True)
class Size:
    """A workload size, and what it means."""

    name: str
    slots: int

    @property
    def told(self) -> str:
        """In words."""
        least, most = SIZES[self.name]
        units = f"{most} units" if least == most else f"{least} to {most} units"
        return f"{self.name}: {units}, each of which serves one request at a time; {self.slots} are needed"


def size(requests_per_second: float, seconds: float) -> Size:
    """The smallest workload size for so many requests a second that take so many ``seconds`` each (Little's law).

    Raises ServingError for more than the largest one has.
    """
    slots = max(1, math.ceil(round(requests_per_second * seconds, 6)))
    for name, (_, most) in SIZES.items():
        if slots <= most:
            return Size(name, slots)
    raise ServingError(
        f"{requests_per_second:g} requests a second of {seconds:g} s each hold {slots} units at once, and the largest "
        f"size has {SIZES['Large'][1]}; ask for less, in batches with spark_udf, or deploy several endpoints"
    )
