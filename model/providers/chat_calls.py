"""Call a chat model: with a prompt that fits its window, until its reply is an answer, streamed or whole."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..contract.events import Emit, discard
from ..errors import ModerationError, UnusableReplyError
from ..runtime import spans, usage
from ..transport.error_mapping import parsing_response
from ..transport.refused_parameters import call_without_refused
from ..transport.retry import first_available
from . import model_catalog, reply_text, token_limits
from .flagged_answer import FLAGGED_SCHEMA, AnswerReader, FlaggedAnswer, read_answer
from .server_facts import ModelLimits

if TYPE_CHECKING:  # its import takes half a second
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

_REPLIES = 2
"""How often a model is asked for an answer, when what it wrote is none."""
_RESPONSE_FORMAT = "response_format"
OPTIONAL_PARAMETERS = frozenset(
    {"temperature", "max_completion_tokens", "max_tokens", "stream_options", _RESPONSE_FORMAT}
)
"""Parameters of a call that are left out for a server which refuses them."""
_CUT_REASONS = frozenset({"length", "max_tokens"})
REPLY_TOKENS = 2048
"""Most tokens of a reply unless the profile sets a limit: as many are reserved for it in the context window."""
_REPLY_SHARE = 4
"""A reply is given at most one part in so many of the window, since a window of 2,048 holds the passages, too."""
_UNKNOWN_WINDOW = 8192


@dataclass(frozen=True, slots=True)
class ChatSource:
    """One chat model.

    Attributes:
        provider: Name of the provider.
        model: Name of the model.
        make: Returns the client, which leaves out some parameters.
        configured_window: Context window in tokens, where the profile sets one; 0 for none.
        tells_end: Whether each whole reply says why it ended, so that a streamed one that does not was cut.
        takes_schema: Whether the server may know JSON schemas, as OpenAI's protocol has them.
        structured: Whether it is known to follow them; None for what is published of the model.
        limits: What is known of the server; a call adds to it.
        reply_limit: Most tokens of a reply, where the profile sets a limit; 0 for none.
    """

    provider: str
    model: str
    make: "Callable[[frozenset[str]], Awaitable[BaseChatModel]]"
    configured_window: int = 0
    tells_end: bool = False
    takes_schema: bool = False
    structured: bool | None = None
    limits: ModelLimits = field(default_factory=ModelLimits, compare=False)
    reply_limit: int = 0

    @property
    def name(self) -> str:
        """Provider and model, for messages."""
        return f"{self.provider}:{self.model}"

    async def make_client(self) -> "BaseChatModel":
        """Return the client, without the parameters that the server has refused."""
        return await self.make(frozenset(self.limits.refused))

    @property
    def window(self) -> int:
        """The tokens that the model reads and writes in one call: as set, else as published, else 8,192."""
        return self.configured_window or model_catalog.find_model(self.provider, self.model).window or _UNKNOWN_WINDOW

    def find_room(self, reply_tokens: int) -> int:
        """Return how many tokens, by the estimate, a prompt may have beside a reply of so many in the window."""
        return int((self.window - reply_tokens) / (self.limits.token_factor or 1.0))

    @property
    def flags_abstention(self) -> bool:
        """Whether answers come as JSON with a flag for abstaining, since the server follows schemas."""
        published = model_catalog.find_model(self.provider, self.model).structured
        is_structured = published if self.structured is None else self.structured
        return is_structured and self.takes_schema and _RESPONSE_FORMAT not in self.limits.refused

    @property
    def reply_tokens(self) -> int:
        """The tokens of the window that are reserved for the reply."""
        return self.reply_limit or limit_reply(self.window) or REPLY_TOKENS


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt for one chat model.

    Attributes:
        text: The prompt.
        passages: Number of passages that it quotes.
        opening: The sentence with which it begins, which no answer repeats; empty for a prompt that a user wrote.
        schema: The JSON schema of the reply; None for text.
    """

    text: str
    passages: int = 0
    opening: str = ""
    schema: Mapping[str, Any] | None = field(default=None, compare=False)

    @property
    def is_flagged(self) -> bool:
        """Whether the reply is an answer with a flag for abstaining."""
        return self.schema is FLAGGED_SCHEMA


def limit_reply(window: int) -> int:
    """Return the most tokens of a reply in a small context window; 0 where ``REPLY_TOKENS`` leave enough of it."""
    share = window // _REPLY_SHARE
    return share if share < REPLY_TOKENS else 0


Render = Callable[[ChatSource], Prompt]
"""Renders the prompt for a model, as long as its context window allows: a pure function, called for each model in turn.
"""


class EmitOnce:
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


async def ask_for_answer(source: ChatSource, prompt: Prompt, system: str, emit_once: EmitOnce) -> FlaggedAnswer:
    """Return what a model says in reply; a reply that is no answer is asked for once more.

    Raises:
        UnusableReplyError: The model wrote no answer twice.
        ModerationError: The content filter ended the reply, or the model refused twice.
    """
    messages = [("system", system)] * bool(system) + [("human", prompt.text)]
    for _ in range(_REPLIES):
        is_streamed = not emit_once.is_silent
        message = await _call_model(source, messages, emit_once, prompt)
        _record_usage(source, message)
        if message.response_metadata.get("finish_reason") == "content_filter":
            raise ModerationError(f"{source.name} refused the request (content_filter); rephrase it")
        text = reply_text.clean_reply(str(message.text))
        answer = read_answer(text) if prompt.is_flagged else FlaggedAnswer(text)
        source.limits.starts_in_thought |= reply_text.starts_in_thought(str(message.text))
        is_cut = _is_cut(source, message, is_streamed=is_streamed)
        refusal = message.additional_kwargs.get("refusal")
        defect = "it refused" if refusal else reply_text.find_defect(answer.text, prompt.opening)
        if not defect or emit_once.has_emitted:
            break
    else:
        if refusal:
            raise ModerationError(f"{source.name} refused the request (refusal); rephrase it")
        remedy = "raise max_tokens, or use another model" if is_cut else "try again, or use another model"
        raise UnusableReplyError(f"{source.name} did not answer: {defect}; {remedy}")
    if is_cut:
        usage.add_note("cut", f"{source.name} stopped before the end of its reply")
    return answer


async def _call_model(
    source: ChatSource,
    messages: Any,  # LangChain's
    emit_once: EmitOnce,
    prompt: Prompt,
) -> "BaseMessage":
    """Return the reply of a model, without the parameters that its server refuses."""

    async def ask(model: "BaseChatModel") -> "BaseMessage":
        settings: dict[str, Any] = {}
        if prompt.schema and source.takes_schema and _RESPONSE_FORMAT not in source.limits.refused:
            strict = {"strict": True} if prompt.is_flagged else {}
            json_schema = {"name": "reply", "schema": prompt.schema, **strict}
            schema_format = {"type": "json_schema", "json_schema": json_schema}
            settings = {"extra_body": {_RESPONSE_FORMAT: schema_format}}  # as it is: LangChain would parse the reply
        if emit_once.is_silent:
            return await model.ainvoke(messages, **settings)
        stream = model.astream(messages, **settings)
        return await _read_stream(stream, emit_once, source.limits, AnswerReader() if prompt.is_flagged else None)

    return await _call_client(source, ask)


async def _call_client(source: ChatSource, ask: "Callable[[BaseChatModel], Awaitable[BaseMessage]]") -> "BaseMessage":
    """Return what ``ask`` gets from the client of a model, without the parameters that its server refuses."""

    async def call() -> "BaseMessage":
        model = await source.make_client()
        with parsing_response():
            return await ask(model)

    return await call_without_refused(call, OPTIONAL_PARAMETERS, source.limits.refused)


async def count_by_server(source: ChatSource, text: str) -> int:
    """Return how many tokens a server counts of a prompt, for which one token is paid; 0 where it does not tell.

    Raises:
        MultichainError: The server did not answer.
    """

    async def call(source: ChatSource) -> "BaseMessage":
        return await _call_client(source, lambda model: model.ainvoke([("human", text)], max_tokens=1))

    _, message = await first_available({source.name: source}, call)
    return int((getattr(message, "usage_metadata", None) or {}).get("input_tokens", 0))


def _is_cut(source: ChatSource, message: "BaseMessage", *, is_streamed: bool) -> bool:
    """Return whether a reply ended at a limit of tokens, or its stream without an end: no reason and no usage."""
    reason = message.response_metadata.get("finish_reason")
    is_without_end = is_streamed and source.tells_end and not reason and not getattr(message, "usage_metadata", None)
    return reason in _CUT_REASONS or is_without_end


async def _read_stream(
    stream: Any,  # LangChain's
    emit_once: EmitOnce,
    limits: ModelLimits,
    reader: AnswerReader | None,
) -> "BaseMessage":
    """Return the whole reply, emitting what it says as it comes; of an answer with a flag, the answer."""
    message: Any = None
    spoken = reply_text.ReplyFilter(starts_in_thought=limits.starts_in_thought)

    def emit(text: str) -> None:
        emit_once.emit_token(reader.feed(text) if reader else text)

    async for piece in stream:
        if piece.text:
            emit(spoken.feed(str(piece.text)))
        message = piece if message is None else message + piece
    emit(spoken.finish())
    if reader:
        emit_once.emit_token(reader.finish())
    return message  # type: ignore[no-any-return]


def record_estimate(source: ChatSource, text: str) -> None:
    """Record the tokens of a prompt whose reply was cut off, which the server counts and does not tell."""
    counted = model_catalog.TokenCounts(token_limits.count_tokens(text), 0, 0)
    usage.record_usage(replace(model_catalog.price_usage(source.provider, source.model, counted), cost_known=False))


def _record_usage(source: ChatSource, reply: "BaseMessage") -> None:
    """Record the tokens that the server counted, priced by the model that the server names in its response."""
    token_counts = getattr(reply, "usage_metadata", None) or {}
    tokens = {key: token_counts.get(key, 0) for key in ("input_tokens", "output_tokens", "total_tokens")}
    spans.add_attributes(**{"mlflow.chat.tokenUsage": tokens})
    cached = (token_counts.get("input_token_details") or {}).get("cache_read", 0)
    counted = model_catalog.TokenCounts(tokens["input_tokens"], cached, tokens["output_tokens"])
    model = str(reply.response_metadata.get("model_name") or source.model)
    usage.record_usage(model_catalog.price_usage(source.provider, model, counted if token_counts else None))
