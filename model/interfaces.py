"""What a provider can be: embeddings, chat, images, reranker. Each adapter implements one of these protocols.

What a call used goes to the account (account.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .contract.events import Emit
from .images.provenance import TRAINED_MODEL
from .passages import Passage

STYLES = ("map", "flow", "layers")
"""The forms of a diagram: concepts and what joins them, steps in order, and what lies on what."""

NO_ANSWER = "The documents do not hold an answer to this question."
"""What an abstaining answer says."""

Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; ``cited`` holds the positions, from 0, of the passages that it rests on."""

    text: str
    answered_by: str
    cited: frozenset[int] = frozenset()
    abstained: bool = False


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """An encoded image and what it shows, in words; ``origin`` is IPTC's word for what made it."""

    content: bytes
    mime_type: str
    alt_text: str
    answered_by: str
    origin: str = TRAINED_MODEL


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """How a model stands with its provider.

    ``listed`` is None where the provider has no list, ``ends`` the day of its end (ISO 8601), empty when none is
    known, ``successor`` what replaces it then.
    """

    name: str
    listed: bool | None = None
    end_date: str = ""
    successor: str = ""


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """What a provider's page says of it, in words: replies as they come, tokens counted, what lets it in."""

    streaming: str
    tokens: str
    credentials: str


class Embeddings(Protocol):
    """Texts to vectors of one length, each of norm 1 (or 0, for a text without a word)."""

    provider: str
    model: str
    semantic: bool
    """Whether it has learned meaning, beyond the words themselves."""
    batch_size: int
    """How many questions it embeds at once at most."""
    batch_window: float
    """The seconds that a question waits for others to go with it."""

    async def embed(self, texts: Sequence[str], *, question: bool = False) -> Float32Array:
        """One row for each text, in order; shape (texts, dimension). Some models tell a ``question`` from a passage."""
        ...


@dataclass(frozen=True, slots=True)
class ConversationTurn:
    """A question that was asked before, and what was answered."""

    question: str
    answer: str = ""


class QuestionAnswerer(Protocol):
    """Answers a question from passages."""

    async def complete_question(self, question: str, history: Sequence[ConversationTurn]) -> str:
        """``question`` as it is understood without ``history``, which is not empty; oldest turn first."""
        ...

    async def answer(self, question: str, passages: Sequence[Passage], emit: Emit) -> Reply:
        """The answer, with [n] after what rests on the n-th passage, from 1; tells it piece by piece."""
        ...


class ChatModel(QuestionAnswerer, Protocol):
    """A language model, which also answers without passages."""

    async def complete(self, message: str, system: str, emit: Emit) -> Reply:
        """The reply to ``message`` below the instructions in ``system``; tells it piece by piece."""
        ...


class Reranker(Protocol):
    """Reads each passage with the question."""

    async def rank(self, question: str, passages: Sequence[Passage]) -> Sequence[float]:
        """A score for each passage, larger is nearer; empty when they shall stay in order."""
        ...


class ImageGenerator(Protocol):
    """Draws a prompt."""

    def wants_passages(self, prompt: str, style: str) -> bool:
        """Whether it makes anything of passages for that prompt."""
        ...

    async def draw(
        self, prompt: str, passages: Sequence[Passage], *, style: str, size: str, sample: int
    ) -> GeneratedImage:
        """The picture; ``style`` is one of STYLES or empty, ``size`` as "1536x864" or empty, ``sample`` from 1."""
        ...


def normalize_rows(vectors: Float32Array) -> Float32Array:
    """Each row divided by its length, a row of zeros left as it is."""
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return np.asarray(vectors / lengths, dtype=np.float32)
