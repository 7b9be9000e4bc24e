"""LangChain chat models as a provider: they complete messages, and answer questions from passages."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from ..contract.events import Emit, discard
from ..errors import RejectedCallError, UnusableReplyError
from ..interfaces import NO_ANSWER, ConversationTurn, Reply
from ..passages import Passage
from ..runtime import spans, usage
from ..runtime.coalescing import single_flight
from ..transport.rate_limiter import Operation
from ..transport.response_cache import ResponseCache
from ..transport.retry import first_available
from . import grounding, prompting, token_limits
from .chat_calls import ChatSource, EmitOnce, Prompt, Render, ask_for_answer, record_estimate
from .flagged_answer import FLAGGED_SCHEMA, FlaggedAnswer
from .prompting import delimit_passage, show_chunk

PROMPTS = Path(__file__).parent.parent / "prompts"
_ANSWER_PROMPT = Template((PROMPTS / "answer.txt").read_text("utf-8"))
_SPLIT_QUESTION = Template((PROMPTS / "split.txt").read_text("utf-8"))
_LIST_MARK = re.compile(r"\s*(?:[-*•]|\d{1,2}[.)])\s+")
_COMPLETE_QUESTION = Template((PROMPTS / "standalone.txt").read_text("utf-8"))
_ANSWER_OPENING = _ANSWER_PROMPT.template.partition(".")[0]
_MARKS = " \t\n.!\"'“”„*_"
_MAX_TURNS = 6
"""How many of the last turns a prompt quotes; what a follow-up question refers to stands near its end."""


class ChatProvider:
    """A chat provider that tries its models in order of preference.

    Args:
        models: The model for each value that ``answered_by`` can have, most preferred first.
        endpoint: The operation whose rate limits the calls share.
        cache: Where replies are kept; by default nowhere.
        instructions: House rules for answers, as the system message; empty for none.
        sub_questions: Most questions into which a question is split for the search; 0 to search the question itself.
    """

    def __init__(
        self,
        models: Mapping[str, ChatSource],
        endpoint: Operation,
        cache: ResponseCache | None = None,
        instructions: str = "",
        sub_questions: int = 0,
    ) -> None:
        self._instructions, self._sub_questions = instructions, sub_questions
        self._models, self._operation, self._cache = models, endpoint, cache or ResponseCache(endpoint)

    @property
    def sources(self) -> Sequence[ChatSource]:
        """The models, most preferred first."""
        return list(self._models.values())

    async def complete(self, message: str, system: str, emit: Emit) -> Reply:
        """Return the reply to ``message``, streaming its tokens to ``emit``.

        Args:
            message: The message of the user.
            system: The system message; empty for none.
            emit: Receives the tokens; with ``discard`` the reply is not streamed.

        Returns:
            The whole reply and the name of the model that gave it.

        Raises:
            ProviderError: No model answered.
            ModerationError: The provider's content filter refused the message or the reply.
        """
        reply, _ = await self.reply(lambda _: Prompt(message), system, emit)
        return reply

    async def complete_json(self, message: str, schema: Mapping[str, Any]) -> Reply:
        """Return the reply to ``message``, which follows ``schema`` where the server can make it.

        Args:
            message: The message of the user.
            schema: The JSON schema of the reply.

        Raises:
            ProviderError: No model answered.
            ModerationError: The provider's content filter refused the message or the reply.
        """
        reply, _ = await self.reply(lambda _: Prompt(message, schema=schema), "", discard)
        return reply

    async def complete_question(self, question: str, history: Sequence[ConversationTurn]) -> str:
        """Return ``question`` rewritten by the model so that it can be understood without ``history``.

        Args:
            question: The question as the user asked it.
            history: The earlier turns, oldest first.

        Returns:
            The rewritten question, or ``question`` itself where the model replies with nothing.

        Raises:
            ProviderError: No model answered.
        """
        lines = [f"Question: {turn.question}\nAnswer: {turn.answer}" for turn in history[-_MAX_TURNS:]]
        message = _COMPLETE_QUESTION.substitute(history="\n\n".join(lines), question=question)
        try:
            reply = await self.complete(message, "", discard)
        except UnusableReplyError:
            return question
        return reply.text

    async def split_question(self, question: str) -> Sequence[str]:
        """Return ``question`` and the questions that the model makes of its parts; it alone where it has one part.

        Args:
            question: A question that stands alone.

        Raises:
            ProviderError: No model answered.
        """
        if not self._sub_questions:
            return [question]
        message = _SPLIT_QUESTION.substitute(most=self._sub_questions, question=question)
        try:
            reply = await self.complete(message, "", discard)
        except UnusableReplyError:
            return [question]
        parts = [_LIST_MARK.sub("", line).strip() for line in reply.text.splitlines() if line.strip()]
        is_split = len(parts) > 1 and len(parts) <= self._sub_questions
        return list(dict.fromkeys([question, *parts])) if is_split else [question]

    async def answer(self, question: str, passages: Sequence[Passage], emit: Emit) -> Reply:
        """Return an answer from ``passages``, with the positions of those that the answer cites.

        As many passages are put into the prompt as the model's context window holds; a note names the number left out.

        Args:
            question: The question.
            passages: The passages, best first.
            emit: Receives the tokens of the answer.

        Raises:
            RejectedCallError: The context window does not hold even one passage.
            ProviderError: No model answered.
        """
        render = render_answer_prompt(question, passages, self._instructions)
        reply, prompt = await self.reply(render, self._instructions, emit)
        note_left_out(prompt.passages, len(passages))
        text, cited = prompting.check_citations(reply.text, prompt.passages)
        if reply.abstained or is_abstention(text):
            return Reply(text, reply.answered_by, abstained=True)
        grounding.note_weaknesses(text, cited, question, passages[: prompt.passages])
        return Reply(text, reply.answered_by, cited)

    async def reply(self, render: Render, system: str, emit: Emit) -> tuple[Reply, Prompt]:
        """Return the reply of the first model that answers, and the prompt that ``render`` wrote for that model.

        Identical calls in flight share one reply, unless their tokens are streamed.

        Args:
            render: Writes the prompt for a model.
            system: The system message; empty for none.
            emit: Receives the tokens.

        Raises:
            ProviderError: No model answered.
        """
        render = cache(render)
        if not self._models:
            return await self._call_models(render, system, emit), Prompt("")
        source = next(iter(self._models.values()))
        client = await source.make_client()  # one client for each model and key, so its identity stands for both
        cache_key = [*self._models, system, render(source).text]

        async def call() -> Reply:
            return await self._cached_reply(cache_key, lambda: self._call_models(render, system, emit), emit)

        try:
            reply = await (call() if emit is not discard else single_flight((id(client), *cache_key), call))
        except asyncio.CancelledError:  # such as by the deadline; the server counts what it was sent
            record_estimate(source, system + render(source).text)
            raise
        return reply, render(self._models[reply.answered_by])

    async def _cached_reply(self, cache_key: list[str], call: Callable[[], Awaitable[Reply]], emit: Emit) -> Reply:
        """Return the cached reply for ``cache_key``, or call the model; emit a cached reply as one token."""
        if not self._cache.lifetime:
            return await call()
        is_emitted = False

        async def fields() -> dict[str, Any]:
            nonlocal is_emitted
            is_emitted = True
            reply = await call()
            return {"text": reply.text, "answered_by": reply.answered_by, "abstained": reply.abstained}

        reply = Reply(**await self._cache.get_or_call(cache_key, fields))
        if not is_emitted:
            emit("token", reply.text)
        return reply

    async def _call_models(self, render: Render, system: str, emit: Emit) -> Reply:
        emit_once = EmitOnce(emit)

        async def call_model(source: ChatSource) -> FlaggedAnswer:
            return await ask_for_answer(source, render(source), system, emit_once)

        with spans.open_span("chat", "CHAT_MODEL", {"models": list(self._models), "system": system}) as step:
            name, answer = await first_available(
                self._models,
                call_model,
                lambda source: self._operation.acquire(lambda: token_limits.count_tokens(render(source).text)),
            )
            if step:
                step.attributes |= {"model": name}
                step.outputs = {"reply": answer.text}
        return Reply(answer.text, name, abstained=answer.abstains)


def is_abstention(text: str) -> bool:
    """Return whether a reply is the sentence that says that the documents hold no answer, and nothing else."""
    return prompting.remove_citations(text).strip(_MARKS).casefold() == NO_ANSWER.strip(_MARKS).casefold()


def render_answer_prompt(question: str, passages: Sequence[Passage], instructions: str = "") -> Render:
    """Return the renderer of the prompt that answers ``question`` from as many ``passages`` as a model can read.

    The ``instructions`` of the system message take their part of the context window.

    The renderer raises RejectedCallError for a model whose context window does not hold even one passage.
    """
    numbered = [delimit_passage(n, show_chunk(passage.chunk)) for n, passage in enumerate(passages, 1)]
    overhead = token_limits.count_tokens(_ANSWER_PROMPT.substitute(no_answer=NO_ANSWER, passages="", question=question))
    overhead += token_limits.count_tokens(instructions)

    def render(source: ChatSource) -> Prompt:
        fitting = token_limits.take_fitting(numbered, source.find_room(source.reply_tokens) - overhead)
        if numbered and not fitting:
            raise RejectedCallError(
                f"{source.provider}:{source.model} cannot read even one passage: its context window is "
                f"{source.window:,} tokens; use a model with a larger window, or smaller chunks"
            )
        text = _ANSWER_PROMPT.substitute(no_answer=NO_ANSWER, passages="\n\n".join(fitting), question=question)
        schema = FLAGGED_SCHEMA if source.flags_abstention else None
        return Prompt(text, len(fitting), _ANSWER_OPENING, schema)

    return render


def note_left_out(used: int, passages: int) -> None:
    """Add a note on how many of the ``passages`` did not fit into the prompt."""
    if used < passages:
        usage.add_note(
            "passages_left_out",
            f"the last {passages - used} of {passages} passages do not fit into the chat model's context window",
        )
