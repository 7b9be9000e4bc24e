"""Define the protocols that providers implement, and the values that providers and stages exchange.

Providers record what a call used with ``runtime.usage.record_usage``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from .contract.events import Emit
from .images.provenance import TRAINED_MODEL
from .passages import Passage

STYLES = ("map", "flow", "layers")
"""Forms of a diagram: concepts and their relations, steps in order, layers on top of each other."""

NO_ANSWER = "The documents do not hold an answer to this question."
"""The text of an answer that abstains."""

Float32Array = npt.NDArray[np.float32]
"""Array of 32-bit floats. The docstring of each function gives the shape."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Text that a provider answered with.

    Attributes:
        text: The answer; ``[n]`` cites the n-th passage.
        answered_by: Provider and model, such as ``openai:gpt-4.1``.
        cited: Positions, from 0, of the passages that the answer cites.
        abstained: Whether the passages do not hold an answer.
    """

    text: str
    answered_by: str
    cited: frozenset[int] = frozenset()
    abstained: bool = False


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """Encoded image with a description in words.

    Attributes:
        content: The bytes of the image file.
        mime_type: Such as ``image/png``.
        alt_text: The image in words.
        answered_by: Provider and model.
        origin: IPTC digital source type, one of those in images/provenance.py.
    """

    content: bytes
    mime_type: str
    alt_text: str
    answered_by: str
    origin: str = TRAINED_MODEL


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """The availability of a model, and the day on which the model ends.

    Attributes:
        name: Provider and model.
        listed: Whether the provider lists the model; None when the provider has no list.
        end_date: Day on which the model ends (ISO 8601); empty when it is unknown.
        successor: Model that replaces it then; empty when it is unknown.
    """

    name: str
    listed: bool | None = None
    end_date: str = ""
    successor: str = ""


class Embeddings(Protocol):
    """Convert texts into vectors of one length, each of norm 1 (0 for a text without a word)."""

    provider: str
    model: str
    semantic: bool
    """Whether the model knows meaning beyond the words themselves."""
    batch_size: int
    """Largest number of questions in one call."""
    batch_window: float
    """Seconds that a question waits for others to share its call."""

    async def embed(self, texts: Sequence[str], *, question: bool = False) -> Float32Array:
        """Embed ``texts``.

        Args:
            texts: The texts, at least one.
            question: Whether the texts are questions; some models embed questions and passages differently.

        Returns:
            One row for each text, in order; shape (texts, dimension).

        Raises:
            MultichainError: The provider did not answer with as many vectors.
        """
        ...


@runtime_checkable
class FittableEmbeddings(Embeddings, Protocol):
    """Embeddings that a build fits to the corpus."""

    def fit_to(self, texts: Sequence[str], language: str, folder: Path) -> Embeddings:
        """Fit the embeddings to a corpus.

        Args:
            texts: The texts of all chunks.
            language: Language of the corpus.
            folder: Receives the files of the fitted model.

        Returns:
            The fitted embeddings; hashed ones for a corpus that is too small.
        """
        ...


@dataclass(frozen=True, slots=True)
class ConversationTurn:
    """An earlier question of a conversation, with its answer."""

    question: str
    answer: str = ""


class QuestionAnswerer(Protocol):
    """Answer questions from passages."""

    async def complete_question(self, question: str, history: Sequence[ConversationTurn]) -> str:
        """Rewrite a follow-up question so that it is understood without the conversation.

        Args:
            question: The follow-up question.
            history: Earlier turns, oldest first; not empty.

        Returns:
            The question that is searched for; ``question`` itself when it stands alone.
        """
        ...

    async def answer(self, question: str, passages: Sequence[Passage], emit: Emit) -> Reply:
        """Answer ``question`` from ``passages``.

        Args:
            question: The question.
            passages: Passages, best first; may be empty.
            emit: Receives ``("token", text)`` for each piece of the answer.

        Returns:
            The answer, in which ``[n]`` cites the n-th passage, from 1.

        Raises:
            ProviderError: The provider did not answer.
        """
        ...


@runtime_checkable
class QuestionSplitter(Protocol):
    """Split questions whose answer stands in several passages."""

    async def split_question(self, question: str) -> Sequence[str]:
        """Return the questions whose answers together answer ``question``; it alone where it has one part.

        Args:
            question: A question that stands alone.
        """
        ...


class ChatModel(QuestionAnswerer, Protocol):
    """A language model, which also answers messages without passages."""

    async def complete(self, message: str, system: str, emit: Emit) -> Reply:
        """Send one message to the model.

        Args:
            message: The user's message.
            system: Instructions that precede the message; empty for none.
            emit: Receives ``("token", text)`` for each piece of the reply.

        Returns:
            The reply.

        Raises:
            ProviderError: The provider did not answer.
        """
        ...


@runtime_checkable
class JsonWriter(Protocol):
    """A language model that follows a JSON schema where its server can."""

    async def complete_json(self, message: str, schema: Mapping[str, Any]) -> Reply:
        """Send one message to the model, whose reply is to be JSON.

        Args:
            message: The user's message.
            schema: The JSON schema of the reply. A server that knows no schemas is called without it, so the reply is
                to be validated all the same.

        Raises:
            ProviderError: The provider did not answer.
        """
        ...


class Reranker(Protocol):
    """Score passages by reading each together with the question."""

    async def rank(self, question: str, passages: Sequence[Passage]) -> Sequence[float]:
        """Score each passage.

        Args:
            question: The question.
            passages: Passages, at least one.

        Returns:
            One score for each passage, larger is nearer; empty when the order of the search shall stay.
        """
        ...


class ImageGenerator(Protocol):
    """Generate an image from a prompt."""

    def wants_passages(self, prompt: str, style: str) -> bool:
        """Return whether the generator draws from passages, so that the stage has to retrieve some.

        Args:
            prompt: What to draw.
            style: The requested form of diagram; empty for none.
        """
        ...

    async def draw(
        self, prompt: str, passages: Sequence[Passage], *, style: str, size: str, sample: int
    ) -> GeneratedImage:
        """Generate one image.

        Args:
            prompt: What the image shows.
            passages: Passages to draw from; empty when ``wants_passages`` is false.
            style: One of STYLES, or empty for the style that fits the prompt.
            size: Width and height such as ``1536x864``, or empty for the usual size.
            sample: Which of several images of the same prompt, from 1.

        Returns:
            The image.

        Raises:
            InvalidRequestError: ``size`` is not supported.
            ProviderError: The provider did not answer with an image.
        """
        ...


ROLES: Mapping[type, str] = {
    Embeddings: "embeddings",
    QuestionAnswerer: "chat",
    ChatModel: "chat",
    Reranker: "reranker",
    ImageGenerator: "images",
}
"""The role of the provider that a stage gets for a parameter that is annotated with a protocol."""


def normalize_rows(vectors: Float32Array) -> Float32Array:
    """Divide each row by its length; a row of zeros stays as it is."""
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return np.asarray(vectors / lengths, dtype=np.float32)
