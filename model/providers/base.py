"""What a provider can be: embeddings, chat, images. Each adapter implements one of these protocols."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..events import Tell
from ..retrieval.chunks import Passage

STYLES = ("map", "flow", "layers")
"""The forms of a diagram: concepts and what joins them, steps in order, and what lies on what."""

NO_ANSWER = "The documents do not hold an answer to this question."
"""What an abstaining answer says."""

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call used; the fields of ``contract.USAGE``."""

    input_tokens: int = 0
    output_tokens: int = 0
    images: int = 0
    cost: float = 0.0
    cost_known: bool = True
    cached: bool = False

    def fields(self) -> dict[str, Any]:
        """As the response carries it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; ``cited`` holds the positions, from 0, of the passages that it rests on."""

    text: str
    answered_by: str
    cited: frozenset[int] = frozenset()
    abstained: bool = False
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded image and what it shows, in words."""

    content: bytes
    mime_type: str
    alt_text: str
    answered_by: str
    usage: Usage = field(default_factory=Usage)


class Embeddings(Protocol):
    """Texts to vectors of one length, each of norm 1 (or 0, for a text without a word)."""

    provider: str
    model: str

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One row for each text, in order; shape (texts, dimension)."""
        ...


class Chat(Protocol):
    """Answers a question from passages."""

    async def answer(self, question: str, passages: Sequence[Passage], tell: Tell) -> Reply:
        """The answer, with [n] after what rests on the n-th passage, from 1; tells it piece by piece."""
        ...


class ChatModel(Chat, Protocol):
    """A language model, which also answers without passages."""

    async def complete(self, message: str, system: str, tell: Tell) -> Reply:
        """The reply to ``message`` below the instructions in ``system``; tells it piece by piece."""
        ...


class Images(Protocol):
    """Draws a prompt."""

    async def draw(self, prompt: str, passages: Sequence[Passage], *, style: str, size: str, sample: int) -> Picture:
        """The picture; ``style`` is one of STYLES or empty, ``size`` as "1536x864" or empty, ``sample`` from 1."""
        ...
