"""A LangChain chat model as a provider: it completes messages, and answers questions from passages."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from ..events import Tell, silent
from ..retrieval.chunks import Passage
from .base import NO_ANSWER, Reply, Usage
from .preference import first

if TYPE_CHECKING:  # its import takes half a second
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

_PROMPT = Template((Path(__file__).parent.parent / "prompts" / "answer.txt").read_text("utf-8"))
_CITATION = re.compile(r"( ?)\[(\d+)\]")


class Generative:
    """A chat provider out of ``models``: what ``answered_by`` says → what makes the model, in order of preference."""

    def __init__(self, models: "Mapping[str, Callable[[], BaseChatModel]]") -> None:
        self._models = models

    async def complete(self, message: str, system: str, tell: Tell) -> Reply:
        """The reply to ``message``; streamed when somebody listens."""
        messages = [("system", system)] * bool(system) + [("human", message)]

        async def asked(make: "Callable[[], BaseChatModel]") -> "BaseMessage":
            model = make()
            return await _streamed(model, messages, tell) if tell is not silent else await model.ainvoke(messages)

        name, whole = await first(self._models, asked)
        return Reply(str(whole.text), name, usage=_usage(whole))

    async def answer(self, question: str, passages: Sequence[Passage], tell: Tell) -> Reply:
        """The answer from ``passages``, with what it cites; a number that no passage has is left out."""
        numbered = "\n\n".join(f"[{n}] {passage.chunk.searched}" for n, passage in enumerate(passages, 1))
        prompt = _PROMPT.substitute(no_answer=NO_ANSWER, passages=numbered, question=question)
        reply = await self.complete(prompt, "", tell)
        cited = {int(number) - 1 for _, number in _CITATION.findall(reply.text)} & set(range(len(passages)))
        abstained = NO_ANSWER.rstrip(".") in reply.text
        text = _CITATION.sub(lambda match: match[0] if int(match[2]) - 1 in cited else "", reply.text)
        return Reply(text.strip(), reply.answered_by, frozenset(cited), abstained, reply.usage)


async def _streamed(model: "BaseChatModel", messages: Any, tell: Tell) -> "BaseMessage":  # noqa: ANN401 - LangChain's
    whole: Any = None
    async for piece in model.astream(messages):
        if piece.text:
            tell("token", str(piece.text))
        whole = piece if whole is None else whole + piece
    return whole  # type: ignore[no-any-return]


def _usage(message: "BaseMessage") -> Usage:
    """What the server says that it used; what that costs is not known here."""
    told = getattr(message, "usage_metadata", None) or {}
    return Usage(input_tokens=told.get("input_tokens", 0), output_tokens=told.get("output_tokens", 0), cost_known=False)
