"""Pictures from a server that speaks OpenAI's protocol: by an image model, by a chat model that draws, or by request.

GPT image models always answer with base64; the formats, sizes and qualities are those of the API reference.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Sequence
from textwrap import shorten
from typing import Any

from .. import account, published
from ..errors import ModerationError, ProviderError
from ..retrieval.chunks import Passage
from .base import Images, Picture
from .failure import answered, refusal_reason
from .preference import first

_MOST_TOLD = 500  # characters of a picture in words

Client = Callable[[], Awaitable[Any]]
"""Gives OpenAI's SDK."""


class ImagesApi:
    """The Images API, with image models in order of preference."""

    def __init__(self, provider: str, models: Sequence[str], client: Client, settings: dict[str, Any]) -> None:
        self._provider, self._models, self._client, self._settings = provider, models, client, settings

    async def draw(self, prompt: str, passages: Sequence[Passage], *, style: str, size: str, sample: int) -> Picture:  # noqa: ARG002 - for those that draw themselves
        """The picture, in the profile's format; ``sample`` makes no difference: each call draws anew."""
        chosen = self._settings | ({"size": size} if size else {})

        async def ask(model: str) -> tuple[str, Any]:
            reply = await (await self._client()).images.generate(model=model, prompt=prompt, n=1, **chosen)
            return model, answered(reply, "data")

        name, (model, reply) = await first({f"{self._provider}:{model}": model for model in self._models}, ask)
        account.spend(published.priced(self._provider, model, _counted(reply.usage), images=1))
        content = reply.data[0].b64_json if reply.data else None
        return await _picture(name, content, self._settings["output_format"], prompt)


class ResponsesTool:
    """The Responses API's image tool: a chat model that draws, in order of preference.

    ``painter`` is the image model that the tool uses; empty leaves it to the provider, and its price unknown.
    """

    def __init__(
        self, provider: str, models: Sequence[str], client: Client, settings: dict[str, Any], painter: str = ""
    ) -> None:
        self._provider, self._models, self._client, self._painter = provider, models, client, painter
        self._settings = settings | ({"model": painter} if painter else {})

    async def draw(self, prompt: str, passages: Sequence[Passage], *, style: str, size: str, sample: int) -> Picture:  # noqa: ARG002 - for those that draw themselves
        """The picture, in the profile's format, described by the prompt that the chat model made of ``prompt``."""
        tool = {"type": "image_generation"} | self._settings | ({"size": size} if size else {})

        async def ask(model: str) -> tuple[str, Any]:
            client = await self._client()
            chosen = {"tools": [tool], "tool_choice": {"type": "image_generation"}, "store": False}
            return model, answered(await client.responses.create(model=model, input=prompt, **chosen), "output")

        name, (model, reply) = await first({f"{self._provider}:{model}": model for model in self._models}, ask)
        drawn = next((one for one in reply.output if one.type == "image_generation_call"), None)
        self._spend(model, reply, pictures=int(bool(drawn and drawn.result)))
        if drawn is not None and drawn.error is not None:
            reason = refusal_reason(drawn.error.code, drawn.error.moderation_details)
            raise ModerationError(f"{name} refused this ({reason}); put it in other words")
        shown = (drawn.revised_prompt if drawn else None) or prompt
        return await _picture(name, drawn and drawn.result, self._settings["output_format"], shown)

    def _spend(self, model: str, reply: Any, pictures: int) -> None:  # noqa: ANN401 - the SDK's response
        """The chat model's tokens by its price, and the tool's by that of its image model."""
        told = reply.usage
        if told is not None:
            counted = published.Tokens(told.input_tokens, told.input_tokens_details.cached_tokens, told.output_tokens)
            account.spend(published.priced(self._provider, model, counted))
        drawing = _counted(getattr(getattr(reply, "tool_usage", None), "image_gen", None))
        account.spend(published.priced(self._provider, self._painter, drawing, images=pictures))


class Auto:
    """A diagram for a prompt that asks for one, a picture for any other."""

    def __init__(self, diagrams: Images, pictures: Images) -> None:
        self._diagrams, self._pictures = diagrams, pictures

    async def draw(self, prompt: str, passages: Sequence[Passage], *, style: str, size: str, sample: int) -> Picture:
        """What fits the prompt; a ``style`` is one of a diagram."""
        from ..diagram.wanted import wants_diagram  # noqa: PLC0415 - Graphviz comes with it

        chosen = self._diagrams if style or wants_diagram(prompt) else self._pictures
        return await chosen.draw(prompt, passages, style=style, size=size, sample=sample)


async def _picture(name: str, content: str | None, output_format: str, shown: str) -> Picture:
    if not content:
        raise ProviderError(f"{name} answered without a picture; name a model that makes them")
    try:
        decoded = await asyncio.to_thread(base64.b64decode, content, validate=True)
    except ValueError:
        raise ProviderError(f"{name} answered with a picture that cannot be read; try again") from None
    words = " ".join(shown.split())
    return Picture(
        decoded, f"image/{output_format}", f"Picture of: {shorten(words, _MOST_TOLD, placeholder='…')}", name
    )


def _counted(told: Any) -> published.Tokens:  # noqa: ANN401 - the usage of either API
    """The tokens of an image call: what is text, and what is picture."""
    if told is None:
        return published.Tokens()
    details = told.input_tokens_details
    return published.Tokens(
        input=details.text_tokens if details else told.input_tokens,
        image_input=details.image_tokens if details else 0,
        image_output=told.output_tokens,
    )
