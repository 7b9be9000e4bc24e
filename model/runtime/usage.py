"""What a stage uses, and what its caller should know beside the answer, gathered while it runs.

Providers ``spend`` and ``note`` where it happens, so that what was paid before a stage failed is counted too.
Outside a stage, in a build say, whoever wants to know opens an account of their own.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call used; the fields of ``contract.USAGE``. ``cost`` is in US dollars."""

    input_tokens: int = 0
    output_tokens: int = 0
    images: int = 0
    cost: float = 0.0
    cost_known: bool = True
    cached: bool = False

    def __add__(self, addend: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + addend.input_tokens,
            self.output_tokens + addend.output_tokens,
            self.images + addend.images,
            self.cost + addend.cost,
            self.cost_known and addend.cost_known,
            self.cached or addend.cached,
        )

    def split(self, sizes: Sequence[int]) -> "list[Usage]":
        """Shares of it, by the sizes of those who caused it; together they are the whole."""
        total = sum(sizes) or 1
        parts, consumed = [], 0
        for size in sizes:
            start, end = consumed / total, (consumed + size) / total
            consumed += size
            parts.append(
                replace(
                    self,
                    input_tokens=round(self.input_tokens * end) - round(self.input_tokens * start),
                    output_tokens=round(self.output_tokens * end) - round(self.output_tokens * start),
                    images=round(self.images * end) - round(self.images * start),
                    cost=self.cost * (end - start),
                )
            )
        return parts

    def fields(self) -> dict[str, Any]:
        """As the response carries it; the cost to a millionth of a cent."""
        return asdict(self) | {"cost": round(self.cost, 8)}


@dataclass(slots=True)
class Account:
    """What was spent and noted since it was opened."""

    usage: Usage = field(default_factory=Usage)
    notes: list[str] = field(default_factory=list)


_CURRENT: ContextVar[Account | None] = ContextVar("account", default=None)


@contextmanager
def track_usage(account: Account | None = None) -> Iterator[Account]:
    """An account, or the one given, of what is spent and noted inside, and in the tasks that are begun inside."""
    account = account or Account()
    token = _CURRENT.set(account)
    try:
        yield account
    finally:
        _CURRENT.reset(token)


def current_account() -> Account:
    """The open account; an empty one where none is."""
    return _CURRENT.get() or Account()


def record_usage(usage: Usage) -> None:
    """Adds to the open account."""
    account = _CURRENT.get()
    if account:
        account.usage += usage


def add_note(code: str, sentence: str) -> None:
    """Tells the caller something beside the answer: a stable code and a sentence, once."""
    account, text = _CURRENT.get(), f"{code}: {sentence}"
    if account and text not in account.notes:
        account.notes.append(text)
