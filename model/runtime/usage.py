"""Gather what a stage uses, and the notes for its caller, while the stage runs.

Providers call ``record_usage`` and ``add_note`` where it happens, so that what was paid before a failure is counted,
too. Outside a stage, such as in a build, the caller opens an account with ``track_usage``.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Usage:
    """The usage of a call; the fields of ``contract.USAGE_FIELD``. ``cost`` is in US dollars."""

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
        """Split the usage by ``sizes``; the parts together are the whole."""
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

    def to_fields(self) -> dict[str, Any]:
        """Return the usage as a response carries it, with the cost to a millionth of a cent."""
        return {name: getattr(self, name) for name in _USAGE_NAMES} | {"cost": round(self.cost, 8)}


_USAGE_NAMES = tuple(each.name for each in fields(Usage))


@dataclass(slots=True)
class Account:
    """Usage and notes since the account was opened."""

    usage: Usage = field(default_factory=Usage)
    notes: list[str] = field(default_factory=list)


_CURRENT: ContextVar[Account | None] = ContextVar("account", default=None)


@contextmanager
def track_usage(account: Account | None = None) -> Iterator[Account]:
    """Open an account for the work inside and the tasks that it starts; a new one when ``account`` is None."""
    account = account or Account()
    token = _CURRENT.set(account)
    try:
        yield account
    finally:
        _CURRENT.reset(token)


def current_account() -> Account:
    """Return the open account; an empty one when none is open."""
    return _CURRENT.get() or Account()


def record_usage(usage: Usage) -> None:
    """Add ``usage`` to the open account; no effect outside of one."""
    account = _CURRENT.get()
    if account:
        account.usage += usage


NOTE_CODES = {
    "cut": "The chat model stopped before the end of its reply: at its limit of tokens, or when its connection ended.",
    "drawn_by_substitute": "The model that was to draw the picture did not, so another way drew it; the note says why.",
    "drawn_from_prompt": "The documents say too little about the prompt, so the picture shows the prompt's own words.",
    "false_citation": "The answer cited a passage that does not exist; the citation was removed.",
    "input_cut": "A text was cut to what the embedding model reads, or sources to what a picture is drawn from.",
    "model_passed_over": "A preferred model did not answer, so the next one did.",
    "not_in_documents": "A name, code or number of the question stands in no document, or no document fits the filter.",
    "not_reranked": "The reranker did not mark each passage, so the order of the search was kept.",
    "passages_left_out": "Passages did not fit into the chat model's context window.",
    "picture_smaller": "The image was made smaller, so that the response can be sent.",
    "question_completed": "The question was completed from the history; the note says how it was read.",
    "uncited": "No sentence of the answer cites a passage.",
    "unsupported": "A number or name of the answer stands in no passage and not in the question.",
}
"""Each code of a note, and what the note tells the caller."""


def add_note(code: str, sentence: str) -> None:
    """Attach a note to the current stage's response, once.

    Args:
        code: Stable code; those of this project are in ``NOTE_CODES``.
        sentence: What the caller should know.
    """
    account, text = _CURRENT.get(), f"{code}: {sentence}"
    if account and text not in account.notes:
        account.notes.append(text)
