"""Pictures from a server that speaks OpenAI's protocol: by an image model, by a chat model that draws, or by request.

GPT image models always answer with base64; the formats, sizes and qualities are those of the API reference.
"""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from textwrap import shorten
from typing import Any

from ...errors import ModerationError, ProfileError, ProviderError
from ...interfaces import Images, Picture
from ...passages import Passage
from ...runtime import usage
from ...runtime.coalescing import once
from ...transport.error_mapping import answered, refusal_reason
from ...transport.rate_limiter import Endpoint
from ...transport.response_cache import Cache
from ...transport.retry import first
from .. import model_catalog, token_limits

WAYS: dict[str, tuple[str, ...]] = {
    "images": ("models",),
    "responses": ("chat_models",),
    "diagram": ("chat_models",),
    "auto": ("models", "chat_models"),
}
"""How pictures are made, and the lists of models that each way needs."""

FORMATS = ("png", "jpeg", "webp")
QUALITIES = ("auto", "low", "medium", "high", "xhigh", "max")
LISTS = ("models", "chat_models")


def check_models(settings: Mapping[str, Any]) -> None:
    """Raises ProfileError for a list of models without one, and a size that is none."""
    for key in LISTS:
        names = settings.get(key, ["any"])
        if not names or not all(isinstance(name, str) and name for name in names):
            raise ProfileError(f"{key} names no model; write it as [gpt-4.1, gpt-6-luna]")
    for key in ("window", "dimensions"):
        if settings.get(key, 1) < 1:
            raise ProfileError(f"{key} is expected to be a whole number above 0; leave it out where it is published")


def check_pictures(settings: Mapping[str, Any]) -> None:
    """Raises ProfileError for a way, a format or a quality that is none, and for what a way lacks."""
    way = settings.get("way", "auto")
    if way not in WAYS:
        raise ProfileError(f"there is no way {way} to make pictures; it is one of {', '.join(WAYS)}")
    for needed in WAYS[way]:
        if not settings.get(needed):
            raise ProfileError(f"the way {way} needs {needed}")
    for key, choices in (("output_format", FORMATS), ("quality", QUALITIES)):
        if settings.get(key, choices[0]) not in choices:
            raise ProfileError(f"{key} is one of {', '.join(choices)}")


_MOST_TOLD = 500  # characters of a picture in words
_LARGE = 1_000_000  # characters of base64 that a thread decodes

Client = Callable[[], Awaitable[Any]]
"""Gives OpenAI's SDK."""


class ImagesApi:
    """The Images API, with image models in order of preference."""

    def __init__(
        self, endpoint: Endpoint, cache: Cache, models: Sequence[str], client: Client, settings: dict[str, Any]
    ) -> None:
        self._endpoint, self._models, self._client, self._settings = endpoint, models, client, settings
        self._cache = cache
        self._provider = endpoint.provider

    def wants_passages(self, prompt: str, style: str) -> bool:  # noqa: ARG002 - never
        """It does not: the prompt is all that an image model reads."""
        return False

    async def draw(self, prompt: str, passages: Sequence[Passage], *, style: str, size: str, sample: int) -> Picture:  # noqa: ARG002 - for those that draw themselves
        """The picture, in the profile's format; another ``sample`` is another call, which draws anew."""
        chosen = self._settings | ({"size": size} if size else {})
        asked = [self._provider, *self._models, chosen, prompt, sample]
        key = (id(await self._client()), json.dumps(asked))
        return await once(key, lambda: _kept(self._cache, asked, lambda: self._drawn(prompt, chosen)))

    async def _drawn(self, prompt: str, chosen: dict[str, Any]) -> Picture:

        async def ask(model: str) -> tuple[str, Any]:
            reply = await (await self._client()).images.generate(model=model, prompt=prompt, n=1, **chosen)
            return model, answered(reply, "data")

        models = {f"{self._provider}:{model}": model for model in self._models}
        name, (model, reply) = await first(models, ask, _turn(self._endpoint, prompt))
        usage.spend(model_catalog.priced(self._provider, model, _counted(reply.usage), images=1))
        content = reply.data[0].b64_json if reply.data else None
        return await _picture(name, content, self._settings["output_format"], prompt)


class ResponsesTool:
    """The Responses API's image tool: a chat model that draws, in order of preference.

    ``painter`` is the image model that the tool uses; empty leaves it to the provider, and its price unknown.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        cache: Cache,
        models: Sequence[str],
        client: Client,
        settings: dict[str, Any],
        painter: str = "",
    ) -> None:
        self._cache = cache
        self._endpoint, self._models, self._client, self._painter = endpoint, models, client, painter
        self._provider = endpoint.provider
        self._settings = settings | ({"model": painter} if painter else {})

    def wants_passages(self, prompt: str, style: str) -> bool:  # noqa: ARG002 - never
        """It does not: the prompt is all that the chat model reads."""
        return False

    async def draw(self, prompt: str, passages: Sequence[Passage], *, style: str, size: str, sample: int) -> Picture:  # noqa: ARG002 - for those that draw themselves
        """The picture, in the profile's format, described by the prompt that the chat model made of ``prompt``."""
        tool = {"type": "image_generation"} | self._settings | ({"size": size} if size else {})
        asked = [self._provider, *self._models, tool, prompt, sample]
        key = (id(await self._client()), json.dumps(asked))
        return await once(key, lambda: _kept(self._cache, asked, lambda: self._drawn(prompt, tool)))

    async def _drawn(self, prompt: str, tool: dict[str, Any]) -> Picture:

        async def ask(model: str) -> tuple[str, Any]:
            client = await self._client()
            chosen = {"tools": [tool], "tool_choice": {"type": "image_generation"}, "store": False}
            return model, answered(await client.responses.create(model=model, input=prompt, **chosen), "output")

        models = {f"{self._provider}:{model}": model for model in self._models}
        name, (model, reply) = await first(models, ask, _turn(self._endpoint, prompt))
        drawn = next((one for one in reply.output if one.type == "image_generation_call"), None)
        self._spend(model, reply, pictures=int(bool(drawn and drawn.result)))
        if drawn is not None and drawn.error is not None:
            reason = refusal_reason(drawn.error.code, drawn.error.moderation_details)
            raise ModerationError(f"{name} refused this ({reason}); put it in other words")
        shown = (drawn.revised_prompt if drawn else None) or prompt
        return await _picture(name, drawn and drawn.result, self._settings["output_format"], shown)

    def _spend(self, model: str, reply: Any, pictures: int) -> None:  # the SDK's response
        """The chat model's tokens by its price, and the tool's by that of its image model."""
        told = reply.usage
        if told is not None:
            counted = model_catalog.Tokens(
                told.input_tokens, told.input_tokens_details.cached_tokens, told.output_tokens
            )
            usage.spend(model_catalog.priced(self._provider, model, counted))
        drawing = _counted(getattr(getattr(reply, "tool_usage", None), "image_gen", None))
        usage.spend(model_catalog.priced(self._provider, self._painter, drawing, images=pictures))


class Auto:
    """A diagram for a prompt that asks for one, a picture for any other."""

    def __init__(self, diagrams: Images, pictures: Images) -> None:
        self._diagrams, self._pictures = diagrams, pictures

    def wants_passages(self, prompt: str, style: str) -> bool:
        """Whether what draws it does."""
        return self._chosen(prompt, style).wants_passages(prompt, style)

    async def draw(self, prompt: str, passages: Sequence[Passage], *, style: str, size: str, sample: int) -> Picture:
        """What fits the prompt; a ``style`` is one of a diagram."""
        return await self._chosen(prompt, style).draw(prompt, passages, style=style, size=size, sample=sample)

    def _chosen(self, prompt: str, style: str) -> Images:
        from ...diagram.from_text.prompt_parsing import wants_diagram  # Graphviz comes with it

        return self._diagrams if style or wants_diagram(prompt) else self._pictures


def _turn(endpoint: Endpoint, prompt: str) -> Callable[[str], AbstractAsyncContextManager[None]]:
    return lambda _: endpoint.turn(token_limits.tokens(prompt), 1)


async def _kept(cache: Cache, asked: object, draw: Callable[[], Awaitable[Picture]]) -> Picture:
    """The picture of what is asked, from the cache where it is on."""
    if not cache.seconds:
        return await draw()

    async def fields() -> dict[str, Any]:
        drawn = await draw()
        return asdict(drawn) | {"content": base64.b64encode(drawn.content).decode()}

    told = await cache.kept(asked, fields)
    return Picture(**(told | {"content": base64.b64decode(told["content"])}))


async def _picture(name: str, content: str | None, output_format: str, shown: str) -> Picture:
    if not content:
        raise ProviderError(f"{name} answered without a picture; name a model that makes them")
    try:
        if len(content) > _LARGE:
            decoded = await asyncio.to_thread(base64.b64decode, content, validate=True)
        else:
            decoded = base64.b64decode(content, validate=True)
    except ValueError:
        raise ProviderError(f"{name} answered with a picture that cannot be read; try again") from None
    words = " ".join(shown.split())
    return Picture(
        decoded, f"image/{output_format}", f"Picture of: {shorten(words, _MOST_TOLD, placeholder='…')}", name
    )


def _counted(told: Any) -> model_catalog.Tokens:  # the usage of either API
    """The tokens of an image call: what is text, and what is picture."""
    if told is None:
        return model_catalog.Tokens()
    details = told.input_tokens_details
    return model_catalog.Tokens(
        input=details.text_tokens if details else told.input_tokens,
        image_input=details.image_tokens if details else 0,
        image_output=told.output_tokens,
    )
