"""A question answered from the documents, with its sources."""

from dataclasses import replace

from ..contract.events import Tell
from ..contract.fields import Field, Values
from ..interfaces import Chat, Reranker, Turn
from ..passages import FILTERS, Passage
from ..retrieval.retriever import Retriever
from ..runtime import usage
from .base import Stage

SOURCE = (
    Field("source", "text", "Path relative to the folder given, or address, of the document."),
    Field("title", "text", "The document's title."),
    Field("heading", "text", "The headings above the passage, outermost first, joined by ' > '."),
    Field("page", "integer", "Page of a paged document, from 1; 0 when it has none."),
    Field("start", "integer", "First character of the passage in the document's text."),
    Field("end", "integer", "The character after its last."),
    Field("text", "text", "The passage."),
    Field("tags", "list", "What is known of the document, each as name=value."),
    Field("score", "number", "How near it is to the question; larger is nearer."),
    Field("cited", "boolean", "Whether the answer rests on it."),
)

TAG = Field("tag", "text", "Something known of the document, as name=value.")


class RetrievalQA(Stage):
    """Finds ``passages`` passages, lets a chat provider answer from them, and says which it used.

    ``documents`` narrows it to the documents whose source fits the pattern, such as ``handbook/*``. A ``reranker``
    orders the best ``reranked`` passages anew before the best of them are taken.
    """

    shared = True
    inputs = (
        Field("question", "text", "What to ask.", required=True, most=10_000, example="Tell me about LangChain."),
        Field("k", "integer", "How many passages to find.", least=1, most=50),
        Field(
            "filter",
            "object",
            "Only passages whose fields have these values: a value, or a list of which any will do.",
            fields=(*(field for field in SOURCE if field.name in FILTERS), TAG),
        ),
        Field(
            "history",
            "list",
            "What was asked before and answered, oldest first, which a follow-up question refers to.",
            fields=(Field("question", "text", "The question.", required=True), Field("answer", "text", "The answer.")),
        ),
    )
    outputs = (
        Field("answer", "text", "The answer; [n] cites the n-th source."),
        Field("support", "number", "How much of the question the passages hold by their words and letters, 0 to 1."),
        Field("abstained", "boolean", "Whether the documents did not hold the answer."),
        Field("sources", "list", "The passages found, best first.", fields=SOURCE),
    )

    def __init__(
        self,
        retriever: Retriever,
        chat: Chat,
        passages: int = 4,
        documents: str = "",
        reranker: Reranker | None = None,
        reranked: int = 20,
    ) -> None:
        self._retriever = retriever.within(documents) if documents else retriever
        self._chat, self._passages = chat, passages
        self._reranker, self._reranked = reranker, reranked

    async def _understood(self, question: str, history: list[Values]) -> str:
        """The question as it stands alone; a note tells when it was completed."""
        turns = [Turn(turn["question"], turn.get("answer") or "") for turn in history]
        told = await self._chat.standalone(question, turns) if turns else question
        if told != question:
            usage.note("question_completed", "it was completed from the history before it was searched for")
        return told

    async def _found(self, question: str, k: int, wanted: Values | None) -> list[Passage]:
        """The best ``k`` passages, in the reranker's order where there is one."""
        if self._reranker is None:
            return await self._retriever.search(question, k, wanted)
        passages = await self._retriever.search(question, max(k, self._reranked), wanted)
        scores = await self._reranker.rank(question, passages) if passages else []
        if scores:
            ranked = sorted(zip(scores, passages, strict=True), key=lambda one: -one[0])
            passages = [replace(passage, score=round(score, 6)) for score, passage in ranked]
        return passages[:k]

    async def run(self, values: Values, tell: Tell) -> Values:
        """Retrieves, then answers."""
        question = await self._understood(values["question"], values.get("history") or [])
        passages = await self._found(question, values.get("k", self._passages), values.get("filter"))
        for passage in passages:
            tell("source", passage.fields())
        reply = await self._chat.answer(question, passages, tell)
        return {
            "answer": reply.text,
            "support": max((passage.support for passage in passages), default=0.0),
            "abstained": reply.abstained,
            "sources": [passage.fields() | {"cited": n in reply.cited} for n, passage in enumerate(passages)],
            "answered_by": reply.answered_by,
        }
