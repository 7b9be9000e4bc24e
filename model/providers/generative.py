"""A LangChain chat model as a provider: it completes messages, and answers questions from passages."""

import re
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from ..events import Tell, silent
from ..retrieval.chunks import Passage
from .base import NO_ANSWER, Reply, Usage

if TYPE_CHECKING:  # its import takes half a second
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

_PROMPT = Template((Path(__file__).parent.parent / "prompts" / "answer.txt").read_text("utf-8"))
_CITATION = re.compile(r"\[(\d+)\]")


class Generative:
    """``model`` as a chat provider; ``name`` is what ``answered_by`` says."""

    def __init__(self, model: "BaseChatModel", name: str) -> None:
        self._model, self._name = model, name

    async def complete(self, message: str, system: str, tell: Tell) -> Reply:
        """The reply to ``message``; streamed when somebody listens."""
        messages = [("system", system)] * bool(system) + [("human", message)]
        whole = await self._streamed(messages, tell) if tell is not silent else await self._model.ainvoke(messages)
        return Reply(str(whole.text), self._name, usage=_usage(whole))

    async def answer(self, question: str, passages: Sequence[Passage], tell: Tell) -> Reply:
        """The answer from ``passages``, with what it cites."""
        numbered = "\n\n".join(f"[{n}] {passage.chunk.searched}" for n, passage in enumerate(passages, 1))
        prompt = _PROMPT.substitute(no_answer=NO_ANSWER, passages=numbered, question=question)
        reply = await self.complete(prompt, "", tell)
        cited = {int(number) - 1 for number in _CITATION.findall(reply.text)} & set(range(len(passages)))
        abstained = NO_ANSWER.rstrip(".") in reply.text
        return Reply(reply.text, reply.answered_by, frozenset(cited), abstained, reply.usage)

    async def _streamed(self, messages: Any, tell: Tell) -> "BaseMessage":  # noqa: ANN401 - LangChain's own forms
        whole: Any = None
        async for piece in self._model.astream(messages):
            if piece.text:
                tell("token", str(piece.text))
            whole = piece if whole is None else whole + piece
        return whole  # type: ignore[no-any-return]


def _usage(message: "BaseMessage") -> Usage:
    """What the server says that it used; what that costs is not known here."""
    told = getattr(message, "usage_metadata", None) or {}
    return Usage(input_tokens=told.get("input_tokens", 0), output_tokens=told.get("output_tokens", 0), cost_known=False)
