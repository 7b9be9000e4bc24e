"""Answer a question from the documents, with sources."""

import asyncio
from dataclasses import replace
from itertools import zip_longest

from ..config.settings import PositiveCount
from ..contract.events import Emit
from ..contract.fields import Field, StageValues
from ..interfaces import ConversationTurn, QuestionAnswerer, QuestionSplitter, Reranker
from ..passages import FILTER_FIELDS, Passage
from ..retrieval.retriever import Retriever
from ..runtime import deadline, usage
from .base import Stage

SOURCE_FIELDS = (
    Field("source", "text", "Path of the document relative to its folder, or its address."),
    Field("title", "text", "The document's title."),
    Field("heading", "text", "The headings above the passage, outermost first, joined by ' > '."),
    Field("page", "integer", "Page of a paged document, from 1; 0 for a document without pages."),
    Field("start", "integer", "Position of the passage's first character in the document's text."),
    Field("end", "integer", "Position after the passage's last character."),
    Field("text", "text", "The passage."),
    Field("tags", "list", "Properties of the document, each as name=value."),
    Field("score", "number", "Relevance to the question; larger is more relevant."),
    Field("cited", "boolean", "Whether the answer cites the passage."),
)

_MAX_QUESTION_IN_NOTE = 60
_TURN_LENGTH = 2_000
"""Characters of an earlier question or answer that a follow-up is completed from."""
TAG_FIELD = Field("tag", "text", "A property of the document, as name=value.")


class RetrievalQA(Stage):
    """Find passages, let a chat provider answer from them, and report which passages the answer cites."""

    is_shared = True
    inputs = (
        Field(
            "question",
            "text",
            "The question to answer.",
            required=True,
            maximum=10_000,
            example="Tell me about LangChain.",
        ),
        Field("k", "integer", "Number of passages to retrieve.", minimum=1, maximum=50),
        Field(
            "filter",
            "object",
            "Limits the passages to those whose fields have the given values: one value, or a list of alternatives.",
            fields=(*(field for field in SOURCE_FIELDS if field.name in FILTER_FIELDS), TAG_FIELD),
        ),
        Field(
            "history",
            "list",
            "Earlier questions and their answers, oldest first, to which a follow-up question may refer.",
            maximum=100,
            fields=(
                Field("question", "text", "The question.", required=True, maximum=10_000),
                Field("answer", "text", "The answer.", maximum=100_000),
            ),
        ),
    )
    outputs = (
        Field("answer", "text", "The answer; [n] cites the n-th source."),
        Field(
            "support",
            "number",
            "How much of the question the best passage contains, from 0 to 1: by its words, letters, and nearness.",
        ),
        Field("abstained", "boolean", "Whether the documents lack the answer."),
        Field("sources", "list", "The passages, best first.", fields=SOURCE_FIELDS),
    )

    def __init__(
        self,
        retriever: Retriever,
        chat: QuestionAnswerer,
        passages: PositiveCount = 4,
        documents: str = "",
        reranker: Reranker | None = None,
        reranked: PositiveCount = 20,
    ) -> None:
        """Make the stage.

        Args:
            retriever: Finds passages.
            chat: Answers from passages.
            passages: Number of passages, unless the request sets ``k``.
            documents: Pattern of the sources that are searched, such as ``handbook/*``; empty for all.
            reranker: Orders the best passages again.
            reranked: Number of passages that the reranker reads.
        """
        self._retriever = retriever.restrict_to(documents) if documents else retriever
        self._chat, self._passages = chat, passages
        self._reranker, self._reranked = reranker, reranked

    async def _complete_question(self, question: str, history: list[StageValues]) -> str:
        """Return the question as it stands alone; a note says when it was completed."""
        turns = [
            ConversationTurn((turn["question"] or "")[:_TURN_LENGTH], (turn.get("answer") or "")[:_TURN_LENGTH])
            for turn in history
        ]
        completed = await self._chat.complete_question(question, turns) if turns else question
        if completed != question:
            is_long = len(completed) > _MAX_QUESTION_IN_NOTE
            shown = f"{completed[: _MAX_QUESTION_IN_NOTE - 1]}…" if is_long else completed
            usage.add_note("question_completed", f"the question was completed from the history: {shown}")
        return completed

    async def _search(self, question: str, k: int, filter_values: StageValues | None) -> list[Passage]:
        """Return the best ``k`` passages; of a question with several parts, the best of each part in turn."""
        parts = await self._chat.split_question(question) if isinstance(self._chat, QuestionSplitter) else [question]
        rows = await asyncio.gather(*(self._retriever.search(part, k, filter_values) for part in parts))
        passages: dict[tuple[str, int, int], Passage] = {}
        for ranks in zip_longest(*rows):
            for passage in filter(None, ranks):
                passages.setdefault((passage.chunk.source, passage.chunk.page, passage.chunk.start), passage)
        return list(passages.values())[:k]

    async def _find_passages(self, question: str, k: int, filter_values: StageValues | None) -> list[Passage]:
        """Return the best ``k`` passages, in the reranker's order where there is one."""
        if self._reranker is None:
            return await self._search(question, k, filter_values)
        passages = await self._search(question, max(k, self._reranked), filter_values)
        scores = await self._reranker.rank(question, passages) if passages else []
        if scores:
            ranked = sorted(zip(scores, passages, strict=True), key=lambda pair: -pair[0])
            passages = [replace(passage, score=round(score, 6)) for score, passage in ranked]
        return passages[:k]

    async def run(self, values: StageValues, emit: Emit) -> StageValues:
        """Find passages and answer.

        Args:
            values: ``question``, and maybe ``k``, ``filter`` and ``history``.
            emit: Receives the sources, then the answer's tokens.

        Returns:
            ``answer``, ``support``, ``abstained`` and ``sources``.

        Raises:
            InvalidRequestError: The filter names a field that the index lacks.
            ProviderError: A provider did not answer.
            OutOfTimeError: The time was up while the answer was written; it has the sources.
        """
        question = await self._complete_question(values["question"], values.get("history") or [])
        filter_values = _drop_nulls(values.get("filter") or {}) or None
        passages = await self._find_passages(question, values.get("k", self._passages), filter_values)
        if not passages and filter_values:
            usage.add_note("not_in_documents", "no document fits the filter")
        sources = [passage.to_fields() for passage in passages]
        for source in sources:
            emit("source", source)
        support = max((passage.support for passage in passages), default=0.0)
        async with deadline.stop_in_time(
            {"support": support, "sources": [source | {"cited": False} for source in sources]}
        ):
            reply = await self._chat.answer(question, passages, emit)
        return {
            "answer": reply.text,
            "support": support,
            "abstained": reply.abstained,
            "sources": [source | {"cited": number in reply.cited} for number, source in enumerate(sources)],
            "answered_by": reply.answered_by,
        }


def _drop_nulls(filter_values: StageValues) -> StageValues:
    """Return a filter without nulls, which structs of Spark and models of pydantic have in place of what is absent.

    A list without a value stays, and fits no document: it may be what somebody is permitted to read.
    """
    return {
        name: [element for element in value if element is not None] if isinstance(value, list) else value
        for name, value in filter_values.items()
        if value is not None
    }
