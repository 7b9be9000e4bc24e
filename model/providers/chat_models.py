"""LangChain chat models as a provider: they complete messages, and answer questions from passages."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from ..contract.events import Tell, silent
from ..errors import ModerationError, ProviderError
from ..interfaces import NO_ANSWER, Reply, Turn
from ..passages import Passage
from ..runtime import spans, usage
from ..runtime.coalescing import once
from ..transport.error_mapping import reading
from ..transport.rate_limiter import Endpoint
from ..transport.response_cache import Cache
from ..transport.retry import first
from . import model_catalog, prompting, token_limits
from .prompting import fenced

if TYPE_CHECKING:  # its import takes half a second
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

PROMPTS = Path(__file__).parent.parent / "prompts"
_PROMPT = Template((PROMPTS / "answer.txt").read_text("utf-8"))
_STANDALONE = Template((PROMPTS / "standalone.txt").read_text("utf-8"))
_TURNS = 6
"""As many of the last turns are told; what a follow-up refers to stands near."""
_UNKNOWN_WINDOW = 8192
_REPLY = 2048
"""Tokens of the window that are left for the reply."""


@dataclass(frozen=True, slots=True)
class ChatSource:
    """One chat model: whose, its name, what makes it, and its window in tokens where the profile tells it."""

    provider: str
    model: str
    make: "Callable[[], Awaitable[BaseChatModel]]"
    told_window: int = 0

    @property
    def window(self) -> int:
        """The tokens that it reads and writes at once: as told, as published, or what the smallest models have."""
        return self.told_window or model_catalog.of(self.provider, self.model).window or _UNKNOWN_WINDOW


@dataclass(frozen=True, slots=True)
class Prompt:
    """A message for one chat model, and how many of the passages stand in it."""

    text: str
    passages: int = 0


Render = Callable[[ChatSource], Prompt]
"""Writes the prompt for a model, as long as its window allows; a pure function, called for each model that is asked."""


class Generative:
    """A chat provider out of ``models``: what ``answered_by`` says → the model, in order of preference."""

    def __init__(self, models: Mapping[str, ChatSource], endpoint: Endpoint, cache: Cache | None = None) -> None:
        self._models, self._endpoint, self._cache = models, endpoint, cache or Cache("chat")

    async def complete(self, message: str, system: str, tell: Tell) -> Reply:
        """The reply to ``message``; streamed when somebody listens."""
        reply, _ = await self.reply(lambda _: Prompt(message), system, tell)
        return reply

    async def standalone(self, question: str, history: Sequence[Turn]) -> str:
        """The question as the model writes it for itself; as it was asked when the model says nothing."""
        told = [f"Question: {turn.question}\nAnswer: {turn.answer}" for turn in history[-_TURNS:]]
        reply = await self.complete(_STANDALONE.substitute(history="\n\n".join(told), question=question), "", silent)
        return reply.text.strip() or question

    async def answer(self, question: str, passages: Sequence[Passage], tell: Tell) -> Reply:
        """The answer from ``passages``, as many as the model reads at once, with what it cites."""
        reply, prompt = await self.reply(answer_prompt(question, passages), "", tell)
        note_left_out(prompt.passages, len(passages))
        text, cited = prompting.checked(reply.text, prompt.passages)
        return Reply(text, reply.answered_by, cited, abstained=NO_ANSWER.rstrip(".") in text)

    async def reply(self, render: Render, system: str, tell: Tell) -> tuple[Reply, Prompt]:
        """The reply of the first model that answers, and the prompt that ``render`` wrote for that model.

        A caller who asks the same while it is in flight gets the same, where nobody listens to its pieces.
        """
        render = cache(render)
        if not self._models:
            return await self._reply(render, system, tell), Prompt("")
        source = next(iter(self._models.values()))
        client = await source.make()  # one object for each model and key (pool.py)
        asked = [*self._models, system, render(source).text]

        async def ask() -> Reply:
            return await self._kept(asked, lambda: self._reply(render, system, tell), tell)

        reply = await (ask() if tell is not silent else once((id(client), *asked), ask))
        return reply, render(self._models[reply.answered_by])

    async def _kept(self, asked: list[str], ask: Callable[[], Awaitable[Reply]], tell: Tell) -> Reply:
        """The reply to ``asked``, from the cache where it is on; it is then told whole."""
        if not self._cache.seconds:
            return await ask()
        told = False

        async def fields() -> dict[str, Any]:
            nonlocal told
            told = True
            reply = await ask()
            return {"text": reply.text, "answered_by": reply.answered_by}

        reply = Reply(**await self._cache.kept(asked, fields))
        if not told:
            tell("token", reply.text)
        return reply

    async def _reply(self, render: Render, system: str, tell: Tell) -> Reply:
        tell_once = _Once(tell)

        async def ask(source: ChatSource) -> tuple[ChatSource, "BaseMessage"]:
            messages = [("system", system)] * bool(system) + [("human", render(source).text)]
            model = await source.make()
            with reading():
                asked = model.ainvoke(messages) if tell_once.silent else _streamed(model, messages, tell_once)
                return source, await asked

        with spans.span("chat", "CHAT_MODEL", {"models": list(self._models), "system": system}) as step:
            name, (source, whole) = await first(
                self._models, ask, lambda source: self._endpoint.turn(token_limits.tokens(render(source).text))
            )
            if step:
                told = getattr(whole, "usage_metadata", None) or {}
                tokens = {key: told.get(key, 0) for key in ("input_tokens", "output_tokens", "total_tokens")}
                step.attributes |= {"mlflow.chat.tokenUsage": tokens, "model": name}
                step.outputs = {"reply": str(whole.text)}
        _spend(source, whole)
        if whole.response_metadata.get("finish_reason") == "content_filter":
            raise ModerationError(f"{name} refused this (content_filter); put it in other words")
        return Reply(str(whole.text), name)


def answer_prompt(question: str, passages: Sequence[Passage]) -> Render:
    """Return what writes the prompt that answers ``question`` from as many ``passages`` as a model reads at once.

    It raises ProviderError for a model that cannot read even one passage.
    """
    numbered = [fenced(n, passage.chunk.searched) for n, passage in enumerate(passages, 1)]
    around = token_limits.tokens(_PROMPT.substitute(no_answer=NO_ANSWER, passages="", question=question))

    def render(source: ChatSource) -> Prompt:
        fitting = token_limits.fitting(numbered, source.window - _REPLY - around)
        if numbered and not fitting:
            raise ProviderError(
                f"{source.provider}:{source.model} cannot read even one passage within its window of "
                f"{source.window:,} tokens; name a model with a larger one, or smaller chunks"
            )
        text = _PROMPT.substitute(no_answer=NO_ANSWER, passages="\n\n".join(fitting), question=question)
        return Prompt(text, len(fitting))

    return render


def note_left_out(used: int, passages: int) -> None:
    """Note how many of the ``passages`` the prompt that was answered had no room for."""
    if used < passages:
        usage.note(
            "passages_left_out",
            f"the last {passages - used} of {passages} passages do not fit the chat model's window",
        )


class _Once:
    """Tells the tokens of the first attempt that has some; those of another attempt would not go on from them."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._told = tell, False

    @property
    def silent(self) -> bool:
        """Whether nobody hears, or the beginning was told already."""
        return self._told or self._tell is silent

    def token(self, text: str) -> None:
        """Tells a piece."""
        self._told = True
        self._tell("token", text)


async def _streamed(model: "BaseChatModel", messages: Any, tell: _Once) -> "BaseMessage":  # LangChain's
    whole: Any = None
    async for piece in model.astream(messages):
        if piece.text:
            tell.token(str(piece.text))
        whole = piece if whole is None else whole + piece
    return whole  # type: ignore[no-any-return]


def _spend(source: ChatSource, reply: "BaseMessage") -> None:
    """What the server says that it used, priced by the model that it says it answered with."""
    told = getattr(reply, "usage_metadata", None) or {}
    cached = (told.get("input_token_details") or {}).get("cache_read", 0)
    counted = model_catalog.Tokens(told.get("input_tokens", 0), cached, told.get("output_tokens", 0))
    model = str(reply.response_metadata.get("model_name") or source.model)
    known = model_catalog.priced(source.provider, model, counted)
    usage.spend(known if told else model_catalog.priced(source.provider, "", counted))
