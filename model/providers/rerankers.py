"""Rerankers: models that read each passage of a search with the question, and score it."""

import asyncio
import json
import math
import re
from collections.abc import Sequence
from string import Template
from typing import TYPE_CHECKING, Any

from ..contract.events import discard
from ..errors import RejectedCallError, UnusableReplyError
from ..passages import Passage
from ..runtime import usage
from ..runtime.usage import Usage
from ..transport.retry import first_available
from . import token_limits
from .chat_calls import ChatSource, Prompt, Render
from .chat_models import PROMPTS, ChatProvider, note_left_out
from .prompting import delimit_passage, show_chunk

if TYPE_CHECKING:
    from langchain_core.cross_encoders import BaseCrossEncoder

_RANK_PROMPT = Template((PROMPTS / "rerank.txt").read_text("utf-8"))
_LIST = re.compile(r"\[[^\[\]]*\]")
_MAX_MARK = 10.0
_REPLY_TOKENS = 512
"""Tokens of the context window that are reserved for the list of marks."""


class ChatReranker:
    """A chat model that marks each passage; passages that do not fit into its prompt come last, in their old order."""

    def __init__(self, chat: ChatProvider) -> None:
        self._chat = chat

    async def rank(self, question: str, passages: Sequence[Passage]) -> list[float]:
        """Return a score from 0 to 1 for each passage, or an empty list and a note when the reply has no mark for each.

        Args:
            question: The question.
            passages: The passages, best first.

        Raises:
            ProviderError: No model answered.
        """
        try:
            reply, prompt = await self._chat.reply(_render_rank_prompt(question, passages), "", discard)
        except UnusableReplyError as error:
            return _note_not_reranked(str(error).partition(" ")[0])
        note_left_out(prompt.passages, len(passages))
        scores = _parse_marks(reply.text, prompt.passages)
        if scores is None:
            return _note_not_reranked(reply.answered_by)
        return scores + [0.0] * (len(passages) - len(scores))


class CrossEncoderReranker:
    """A LangChain cross-encoder, whose scores are used as they are."""

    def __init__(self, name: str, encoder: "BaseCrossEncoder") -> None:
        self._name, self._encoder = name, encoder

    async def rank(self, question: str, passages: Sequence[Passage]) -> list[float]:
        """Return a score for each passage; higher is better.

        Args:
            question: The question.
            passages: The passages, best first.

        Raises:
            RejectedCallError: The cross-encoder did not return a finite number for each passage.
        """
        pairs = [(question, passage.chunk.searchable_text) for passage in passages]

        async def call(_: str) -> Any:  # a list, or an array
            return await asyncio.to_thread(self._encoder.score, pairs)

        _, scores = await first_available({self._name: ""}, call)
        values = [float(score) for score in scores]
        if len(values) != len(pairs) or not all(map(math.isfinite, values)):
            raise RejectedCallError(f"{self._name} did not return a number for each passage; use another reranker")
        usage.record_usage(Usage())
        return values


def _note_not_reranked(model: str) -> list[float]:
    """Add a note that a model marked nothing, and return the empty list that keeps the order of the search."""
    usage.add_note("not_reranked", f"{model} did not mark each passage, so the passages keep the order of the search")
    return []


def _render_rank_prompt(question: str, passages: Sequence[Passage]) -> Render:
    """Return the renderer of the prompt that asks for marks for as many ``passages`` as a model can read."""
    numbered = [delimit_passage(n, show_chunk(passage.chunk)) for n, passage in enumerate(passages, 1)]
    overhead = token_limits.count_tokens(_RANK_PROMPT.substitute(count=len(passages), passages="", question=question))

    def render(source: ChatSource) -> Prompt:
        room = source.find_room(min(_REPLY_TOKENS, source.reply_tokens)) - overhead
        fitting = token_limits.take_fitting(numbered, room)
        text = _RANK_PROMPT.substitute(count=len(fitting), passages="\n\n".join(fitting), question=question)
        return Prompt(text, len(fitting))

    return render


def _parse_marks(text: str, count: int) -> list[float] | None:
    """Return the marks in ``text`` as shares of the highest mark, or None when it has no list of ``count`` marks."""
    for candidate in _LIST.findall(text):
        try:
            marks = [float(mark) for mark in json.loads(candidate)]
        except (ValueError, TypeError):
            continue
        if len(marks) == count and all(0 <= mark <= _MAX_MARK for mark in marks):
            return [mark / _MAX_MARK for mark in marks]
    return None
