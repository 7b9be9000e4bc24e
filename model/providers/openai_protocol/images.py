"""Images from a server that speaks OpenAI's protocol: by an image model, by a chat model's tool, or as a diagram.

GPT image models always return base64; formats, sizes and qualities are those of OpenAI's API reference.
"""

import base64
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from textwrap import shorten
from typing import Any, Literal

from ...errors import ModerationError, ProfileError, ProviderAddressError
from ...interfaces import GeneratedImage, ImageGenerator
from ...passages import Passage
from ...runtime import usage
from ...runtime.coalescing import single_flight
from ...transport.error_mapping import InvalidResponseError, describe_moderation, require_field
from ...transport.rate_limiter import Operation
from ...transport.refused_parameters import call_without_refused
from ...transport.response_cache import ResponseCache
from ...transport.retry import first_available
from .. import model_catalog, token_limits
from ..server_facts import ServerFacts
from .image_content import Fetch, read_count, read_image

ImageWay = Literal["images", "responses", "diagram", "auto"]
ImageFormat = Literal["png", "jpeg", "webp"]
ImageQuality = Literal["auto", "low", "medium", "high", "xhigh", "max"]

REQUIRED_BY_WAY: dict[ImageWay, tuple[str, ...]] = {
    "images": ("models",),
    "responses": ("chat_models",),
    "diagram": ("chat_models",),
    "auto": ("chat_models",),
}
"""Each way to make images, and the lists of models that it needs."""


def check_model_lists(settings: Mapping[str, Any]) -> None:
    """Check that the lists of models are there that the way to make images needs.

    Args:
        settings: Settings of valid types.

    Raises:
        ProfileError: A list is missing.
    """
    way = settings.get("way", "auto")
    for needed in REQUIRED_BY_WAY[way]:
        if not settings.get(needed):
            raise ProfileError(f"the way {way} needs {needed}, which is not set")


_MAX_DESCRIPTION = 500  # characters of the text alternative
OPTIONAL_PARAMETERS = frozenset({"quality", "output_format", "response_format"})
"""Parameters of the Images API that are left out for a server which refuses them."""

MakeClient = Callable[[], Awaitable[Any]]
"""Returns the client of OpenAI's SDK."""


class ImagesApiGenerator:
    """Generates images by the Images API, with image models in order of preference."""

    def __init__(
        self,
        endpoint: Operation,
        cache: ResponseCache,
        models: Sequence[str],
        client: MakeClient,
        settings: dict[str, Any],
        fetch: Fetch,
        facts: ServerFacts | None = None,
    ) -> None:
        self._operation, self._models, self._client, self._settings = endpoint, models, client, settings
        self._cache, self._fetch, self._facts = cache, fetch, facts or ServerFacts()
        self._provider = endpoint.provider

    def wants_passages(self, prompt: str, style: str) -> bool:
        """Return False: an image model reads only the prompt."""
        return False

    async def draw(
        self,
        prompt: str,
        passages: Sequence[Passage],
        *,
        style: str,
        size: str,
        sample: int,
    ) -> GeneratedImage:
        """Return an image in the profile's format.

        Args:
            prompt: What to draw.
            passages: Without effect.
            style: Without effect.
            size: A size that the model offers; empty for its default.
            sample: A further number makes a further call, which draws another image.

        Raises:
            ModerationError: The provider's content filter refused the prompt.
            RejectedCallError: The server returned no image.
            ProviderError: No model answered.
        """
        options = self._settings | ({"size": size} if size else {})
        cache_key = [self._provider, *self._models, options, prompt, sample]
        key = (id(await self._client()), json.dumps(cache_key))
        return await single_flight(
            key, lambda: _get_or_draw(self._cache, cache_key, lambda: self._generate(prompt, options))
        )

    async def _generate(self, prompt: str, options: dict[str, Any]) -> GeneratedImage:

        async def call(model: str) -> tuple[str, Any]:
            refused = self._facts.limits_of(self._provider, model).refused

            async def generate() -> Any:
                sent = {name: value for name, value in options.items() if name not in refused}
                body = {"model": model, "prompt": prompt, "n": 1, **sent}
                return await (await self._client()).post("/images/generations", cast_to=object, body=body)

            reply = await call_without_refused(generate, OPTIONAL_PARAMETERS, refused)
            if not isinstance(reply, Mapping) or not isinstance(reply.get("data"), list):
                raise InvalidResponseError
            return model, reply

        models = {f"{self._provider}:{model}": model for model in self._models}
        name, (model, reply) = await first_available(models, call, _acquire_for(self._operation, prompt))
        tokens = _count_tokens(reply.get("usage"))
        usage.record_usage(model_catalog.price_usage(self._provider, model, tokens, images=1))
        image, mime_type = await read_image(name, *_find_image(reply["data"]), self._fetch)
        return GeneratedImage(image, mime_type, _describe(prompt), name)


class ResponsesApiGenerator:
    """Generates images by the Responses API's image tool, with chat models in order of preference.

    ``painter`` is the image model that the tool uses; empty leaves the choice to the provider, and the price unknown.
    """

    def __init__(
        self,
        endpoint: Operation,
        cache: ResponseCache,
        models: Sequence[str],
        client: MakeClient,
        settings: dict[str, Any],
        fetch: Fetch,
        painter: str = "",
    ) -> None:
        self._cache, self._fetch = cache, fetch
        self._operation, self._models, self._client, self._painter = endpoint, models, client, painter
        self._provider = endpoint.provider
        self._settings = settings | ({"model": painter} if painter else {})

    def wants_passages(self, prompt: str, style: str) -> bool:
        """Return False: the chat model reads only the prompt."""
        return False

    async def draw(
        self,
        prompt: str,
        passages: Sequence[Passage],
        *,
        style: str,
        size: str,
        sample: int,
    ) -> GeneratedImage:
        """Return an image in the profile's format, described by the prompt that the chat model revised.

        Args:
            prompt: What to draw.
            passages: Without effect.
            style: Without effect.
            size: A size that the model offers; empty for its default.
            sample: A further number makes a further call, which draws another image.

        Raises:
            ModerationError: The provider's content filter refused the prompt.
            RejectedCallError: The server returned no image.
            ProviderError: No model answered.
        """
        tool = {"type": "image_generation"} | self._settings | ({"size": size} if size else {})
        cache_key = [self._provider, *self._models, tool, prompt, sample]
        key = (id(await self._client()), json.dumps(cache_key))
        return await single_flight(
            key, lambda: _get_or_draw(self._cache, cache_key, lambda: self._generate(prompt, tool))
        )

    async def _generate(self, prompt: str, tool: dict[str, Any]) -> GeneratedImage:

        async def call(model: str) -> tuple[str, Any]:
            client = await self._client()
            options = {"tools": [tool], "tool_choice": {"type": "image_generation"}, "store": False}
            return model, require_field(await client.responses.create(model=model, input=prompt, **options), "output")

        models = {f"{self._provider}:{model}": model for model in self._models}
        name, (model, reply) = await first_available(models, call, _acquire_for(self._operation, prompt))
        image_call = next((item for item in reply.output if item.type == "image_generation_call"), None)
        self._record_usage(model, reply, images=int(bool(image_call and image_call.result)))
        if image_call is not None and image_call.error is not None:
            reason = describe_moderation(image_call.error.code, image_call.error.moderation_details)
            raise ModerationError(f"{name} refused the request ({reason}); rephrase it")
        description = (image_call.revised_prompt if image_call else None) or prompt
        image, mime_type = await read_image(name, image_call and image_call.result, None, self._fetch)
        return GeneratedImage(image, mime_type, _describe(description), name)

    def _record_usage(self, model: str, reply: Any, images: int) -> None:  # the SDK's response
        """Record the chat model's tokens at its price, and the tool's tokens at the price of its image model."""
        usage_of_reply = reply.usage
        if usage_of_reply is not None:
            counted = model_catalog.TokenCounts(
                usage_of_reply.input_tokens,
                usage_of_reply.input_tokens_details.cached_tokens,
                usage_of_reply.output_tokens,
            )
            usage.record_usage(model_catalog.price_usage(self._provider, model, counted))
        tool_usage = getattr(reply, "tool_usage", None)
        drawing = _count_tokens(tool_usage.to_dict().get("image_gen") if tool_usage else None)
        usage.record_usage(model_catalog.price_usage(self._provider, self._painter, drawing, images=images))


class AutoGenerator:
    """Draws a diagram for a prompt that asks for one, and generates an image for any other."""

    def __init__(self, diagrams: ImageGenerator, pictures: ImageGenerator) -> None:
        self._diagrams, self._pictures = diagrams, pictures

    def wants_passages(self, prompt: str, style: str) -> bool:
        """Return whether the generator chosen for the prompt wants passages."""
        return self._choose(prompt, style).wants_passages(prompt, style)

    async def draw(
        self, prompt: str, passages: Sequence[Passage], *, style: str, size: str, sample: int
    ) -> GeneratedImage:
        """Return a diagram where the prompt asks for one or a ``style`` is given, else a generated image.

        A server that has no Images API at its address draws a diagram for any prompt, with a note.

        Args:
            prompt: What to draw.
            passages: The passages retrieved for the prompt.
            style: The style of a diagram; empty to decide by the prompt.
            size: Width and height in pixels; empty for the default.
            sample: The number of the image among those of one prompt.

        Raises:
            ProviderError: No model answered.
        """
        generator = self._choose(prompt, style)
        try:
            return await generator.draw(prompt, passages, style=style, size=size, sample=sample)
        except ProviderAddressError as error:
            if generator is self._diagrams:
                raise
            usage.add_note(
                "drawn_by_substitute", f"{str(error).partition(':')[0]} draws no images, so this is a diagram"
            )
            return await self._diagrams.draw(prompt, passages, style=style, size=size, sample=sample)

    def _choose(self, prompt: str, style: str) -> ImageGenerator:
        from ...diagram.from_text.prompt_parsing import wants_diagram  # loads Graphviz, which only diagrams need

        return self._diagrams if style or wants_diagram(prompt) else self._pictures


def _acquire_for(endpoint: Operation, prompt: str) -> Callable[[str], AbstractAsyncContextManager[None]]:
    return lambda _: endpoint.acquire(lambda: token_limits.count_tokens(prompt), 1)


async def _get_or_draw(
    cache: ResponseCache, cache_key: object, draw: Callable[[], Awaitable[GeneratedImage]]
) -> GeneratedImage:
    """Return the cached image for ``cache_key``, or draw and cache it where the cache is on."""
    if not cache.lifetime:
        return await draw()

    async def fields() -> dict[str, Any]:
        drawn = await draw()
        return asdict(drawn) | {"content": base64.b64encode(drawn.content).decode()}

    entry = await cache.get_or_call(cache_key, fields)
    return GeneratedImage(**(entry | {"content": base64.b64decode(entry["content"])}))


def _describe(text: str) -> str:
    """Return the text alternative of an image that was made from ``text``."""
    line = " ".join(text.split())
    return f"Picture of: {line if len(line) <= _MAX_DESCRIPTION else shorten(line, _MAX_DESCRIPTION, placeholder='…')}"


def _find_image(entries: Sequence[object]) -> tuple[str | None, str | None]:
    """Return the content and the address of the first image of a response, None for what is no text."""
    entry = entries[0] if entries else None
    fields = [entry.get(name) if isinstance(entry, Mapping) else None for name in ("b64_json", "url")]
    content, url = (field if isinstance(field, str) else None for field in fields)
    return content, url


def _count_tokens(image_usage: object) -> model_catalog.TokenCounts | None:
    """Return the tokens of an image call, text and image apart; None where the server counted none."""
    total, output = read_count(image_usage, "input_tokens"), read_count(image_usage, "output_tokens")
    if total is None and output is None:
        return None
    details = image_usage.get("input_tokens_details") if isinstance(image_usage, Mapping) else None
    text = read_count(details, "text_tokens")
    return model_catalog.TokenCounts(
        input=total or 0 if text is None else text,
        image_input=read_count(details, "image_tokens") or 0,
        image_output=output or 0,
    )
