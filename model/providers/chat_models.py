"""LangChain chat models as a provider: they complete messages, and answer questions from passages."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from ..contract.events import Emit, discard
from ..errors import ModerationError, RejectedCallError, UnusableReplyError
from ..interfaces import NO_ANSWER, ConversationTurn, Reply
from ..passages import Passage
from ..runtime import spans, usage
from ..runtime.coalescing import single_flight
from ..transport.error_mapping import find_refused_parameter, parsing_response
from ..transport.rate_limiter import Operation
from ..transport.response_cache import ResponseCache
from ..transport.retry import first_available
from . import grounding, model_catalog, prompting, reply_text, token_limits
from .prompting import delimit_passage, show_chunk

if TYPE_CHECKING:  # its import takes half a second
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

PROMPTS = Path(__file__).parent.parent / "prompts"
_ANSWER_PROMPT = Template((PROMPTS / "answer.txt").read_text("utf-8"))
_SPLIT_QUESTION = Template((PROMPTS / "split.txt").read_text("utf-8"))
_LIST_MARK = re.compile(r"\s*(?:[-*•]|\d{1,2}[.)])\s+")
_COMPLETE_QUESTION = Template((PROMPTS / "standalone.txt").read_text("utf-8"))
_ANSWER_OPENING = _ANSWER_PROMPT.template.partition(".")[0]
_REPLIES = 2
"""How often a model is asked for an answer, when what it wrote is none."""
OPTIONAL_PARAMETERS = frozenset({"temperature", "max_completion_tokens", "max_tokens", "stream_options"})
"""Parameters of a call that are left out for a server which refuses them."""
_CUT_REASONS = frozenset({"length", "max_tokens"})
_MARKS = " \t\n.!\"'“”„*_"
_MAX_TURNS = 6
"""How many of the last turns a prompt quotes; what a follow-up question refers to stands near its end."""
_UNKNOWN_WINDOW = 8192
REPLY_TOKENS = 2048
"""Tokens of the context window that are reserved for the reply, and its limit unless the profile sets one."""


@dataclass(frozen=True, slots=True)
class ChatSource:
    """One chat model.

    Attributes:
        provider: Name of the provider.
        model: Name of the model.
        make: Returns the client, which leaves out some parameters.
        configured_window: Context window in tokens, where the profile sets one; 0 for none.
        tells_end: Whether each whole reply says why it ended, so that a streamed one that does not was cut.
        refused: Parameters in ``OPTIONAL_PARAMETERS`` that the server has refused in this process.
    """

    provider: str
    model: str
    make: "Callable[[frozenset[str]], Awaitable[BaseChatModel]]"
    configured_window: int = 0
    tells_end: bool = False
    refused: set[str] = field(default_factory=set, compare=False)

    @property
    def name(self) -> str:
        """Provider and model, for messages."""
        return f"{self.provider}:{self.model}"

    @property
    def window(self) -> int:
        """The tokens that the model reads and writes in one call: as set, else as published, else 8,192."""
        return self.configured_window or model_catalog.find_model(self.provider, self.model).window or _UNKNOWN_WINDOW


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt for one chat model.

    Attributes:
        text: The prompt.
        passages: Number of passages that it quotes.
        opening: The sentence with which it begins, which no answer repeats; empty for a prompt that a user wrote.
    """

    text: str
    passages: int = 0
    opening: str = ""


Render = Callable[[ChatSource], Prompt]
"""Renders the prompt for a model, as long as its context window allows: a pure function, called for each model in turn.
"""


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
        self._models, self._operation, self._cache = models, endpoint, cache or ResponseCache("chat")

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
        if is_abstention(text):
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
        client = await source.make(frozenset())  # one client for each model and key, so its identity stands for both
        cache_key = [*self._models, system, render(source).text]

        async def call() -> Reply:
            return await self._cached_reply(cache_key, lambda: self._call_models(render, system, emit), emit)

        reply = await (call() if emit is not discard else single_flight((id(client), *cache_key), call))
        return reply, render(self._models[reply.answered_by])

    async def _cached_reply(self, cache_key: list[str], call: Callable[[], Awaitable[Reply]], emit: Emit) -> Reply:
        """Return the cached reply for ``cache_key``, or call the model; emit a cached reply as one token."""
        if not self._cache.seconds:
            return await call()
        is_emitted = False

        async def fields() -> dict[str, Any]:
            nonlocal is_emitted
            is_emitted = True
            reply = await call()
            return {"text": reply.text, "answered_by": reply.answered_by}

        reply = Reply(**await self._cache.get_or_call(cache_key, fields))
        if not is_emitted:
            emit("token", reply.text)
        return reply

    async def _call_models(self, render: Render, system: str, emit: Emit) -> Reply:
        emit_once = _EmitOnce(emit)

        async def call_model(source: ChatSource) -> str:
            return await _ask_for_answer(source, render(source), system, emit_once)

        with spans.open_span("chat", "CHAT_MODEL", {"models": list(self._models), "system": system}) as step:
            name, text = await first_available(
                self._models,
                call_model,
                lambda source: self._operation.acquire(token_limits.count_tokens(render(source).text)),
            )
            if step:
                step.attributes |= {"model": name}
                step.outputs = {"reply": text}
        return Reply(text, name)


async def _ask_for_answer(source: ChatSource, prompt: Prompt, system: str, emit_once: "_EmitOnce") -> str:
    """Return what a model says in reply; a reply that is no answer is asked for once more.

    Raises:
        UnusableReplyError: The model wrote no answer twice.
        ModerationError: The content filter ended the reply, or the model refused twice.
    """
    messages = [("system", system)] * bool(system) + [("human", prompt.text)]
    for _ in range(_REPLIES):
        is_streamed = not emit_once.is_silent
        message = await _call_model(source, messages, emit_once)
        _record_usage(source, message)
        if message.response_metadata.get("finish_reason") == "content_filter":
            raise ModerationError(f"{source.name} refused the request (content_filter); rephrase it")
        text = reply_text.clean_reply(str(message.text))
        is_cut = _is_cut(source, message, is_streamed=is_streamed)
        refusal = message.additional_kwargs.get("refusal")
        defect = "it refused" if refusal else reply_text.find_defect(text, prompt.opening)
        if not defect or emit_once.has_emitted:
            break
    else:
        if refusal:
            raise ModerationError(f"{source.name} refused the request (refusal); rephrase it")
        remedy = "raise max_tokens, or use another model" if is_cut else "try again, or use another model"
        raise UnusableReplyError(f"{source.name} did not answer: {defect}; {remedy}")
    if is_cut:
        usage.add_note("cut", f"{source.name} stopped before the end of its reply")
    return text


async def _call_model(source: ChatSource, messages: Any, emit_once: "_EmitOnce") -> "BaseMessage":  # LangChain's
    """Return the reply of a model, without the parameters that its server refuses, which the first refusal teaches."""
    while True:
        model = await source.make(frozenset(source.refused))
        try:
            with parsing_response():
                reply = model.ainvoke(messages) if emit_once.is_silent else _stream_message(model, messages, emit_once)
                return await reply
        except Exception as error:
            parameter = find_refused_parameter(error, OPTIONAL_PARAMETERS - source.refused)
            if not parameter:
                raise
            source.refused.add(parameter)


def _is_cut(source: ChatSource, message: "BaseMessage", *, is_streamed: bool) -> bool:
    """Return whether a reply ended at a limit of tokens, or its stream without an end: no reason and no usage."""
    reason = message.response_metadata.get("finish_reason")
    is_without_end = is_streamed and source.tells_end and not reason and not getattr(message, "usage_metadata", None)
    return reason in _CUT_REASONS or is_without_end


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
        fitting = token_limits.take_fitting(numbered, source.window - REPLY_TOKENS - overhead)
        if numbered and not fitting:
            raise RejectedCallError(
                f"{source.provider}:{source.model} cannot read even one passage: its context window is "
                f"{source.window:,} tokens; use a model with a larger window, or smaller chunks"
            )
        text = _ANSWER_PROMPT.substitute(no_answer=NO_ANSWER, passages="\n\n".join(fitting), question=question)
        return Prompt(text, len(fitting), _ANSWER_OPENING)

    return render


def note_left_out(used: int, passages: int) -> None:
    """Add a note on how many of the ``passages`` did not fit into the prompt."""
    if used < passages:
        usage.add_note(
            "passages_left_out",
            f"the last {passages - used} of {passages} passages do not fit into the chat model's context window",
        )


class _EmitOnce:
    """Emits the tokens of the first attempt that yields any: those of a later attempt would not continue them."""

    def __init__(self, emit: Emit) -> None:
        self._emit, self._has_emitted = emit, False

    @property
    def has_emitted(self) -> bool:
        """Whether tokens were emitted."""
        return self._has_emitted

    @property
    def is_silent(self) -> bool:
        """Whether nobody listens, or an earlier attempt has already emitted tokens."""
        return self._has_emitted or self._emit is discard

    def emit_token(self, text: str) -> None:
        """Emit a piece of the reply."""
        if text:
            self._has_emitted = True
            self._emit("token", text)


async def _stream_message(model: "BaseChatModel", messages: Any, emit_once: _EmitOnce) -> "BaseMessage":  # LangChain's
    """Return the whole reply, emitting what it says as it comes."""
    message: Any = None
    spoken = reply_text.ReplyFilter()
    async for piece in model.astream(messages):
        if piece.text:
            emit_once.emit_token(spoken.feed(str(piece.text)))
        message = piece if message is None else message + piece
    emit_once.emit_token(spoken.finish())
    return message  # type: ignore[no-any-return]


def _record_usage(source: ChatSource, reply: "BaseMessage") -> None:
    """Record the tokens that the server counted, priced by the model that the server names in its response."""
    token_counts = getattr(reply, "usage_metadata", None) or {}
    tokens = {key: token_counts.get(key, 0) for key in ("input_tokens", "output_tokens", "total_tokens")}
    spans.add_attributes(**{"mlflow.chat.tokenUsage": tokens})
    cached = (token_counts.get("input_token_details") or {}).get("cache_read", 0)
    counted = model_catalog.TokenCounts(
        token_counts.get("input_tokens", 0), cached, token_counts.get("output_tokens", 0)
    )
    model = str(reply.response_metadata.get("model_name") or source.model)
    priced = model_catalog.price_usage(source.provider, model, counted)
    usage.record_usage(priced if token_counts else model_catalog.price_usage(source.provider, "", counted))
