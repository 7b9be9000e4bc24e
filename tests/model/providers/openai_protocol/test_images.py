"""Images from a server: which way draws them, what is sent, what is counted, and what is no image."""

import asyncio
import base64
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from openai.types.responses.response import ToolUsage

from model.errors import ModerationError, ProfileError, RejectedCallError
from model.images.provenance import TRAINED_MODEL
from model.interfaces import GeneratedImage
from model.passages import Passage
from model.providers.openai import OpenAIProvider
from model.providers.openai_protocol.images import (
    AutoGenerator,
    ImagesApiGenerator,
    ResponsesApiGenerator,
    check_model_lists,
)
from model.runtime import usage
from model.runtime.event_loop import Engine
from model.transport.rate_limiter import Operation, RateLimits
from model.transport.response_cache import ResponseCache
from standin.app import StandIn
from tests.odd_server import make_picture

SETTINGS: dict[str, Any] = {"quality": "low", "output_format": "png"}
openai = OpenAIProvider()


PICTURE = make_picture()


async def fetch_nothing(_: str) -> bytes:
    """Find no content at any address."""
    raise OSError


class FakeClient:
    """A client of OpenAI's SDK whose responses are given, and which records the requests."""

    def __init__(self, response: Any) -> None:
        self.requests: list[dict[str, Any]] = []
        self.response = response
        self.responses = SimpleNamespace(create=self._respond)

    async def connect(self) -> "FakeClient":
        """Return the client itself."""
        return self

    async def post(self, path: str, *, cast_to: type[object], body: dict[str, Any]) -> Any:
        """Return the response to a call of the Images API."""
        assert (path, cast_to) == ("/images/generations", object)
        return await self._respond(**body)

    async def _respond(self, **request: Any) -> Any:
        self.requests.append(request)
        await asyncio.sleep(0.01)
        return self.response


def make_images_response(content: str | None, token_usage: Any = None) -> Any:
    return {"data": [{"b64_json": content}], "usage": token_usage}


def make_token_usage(text: int, image: int, output: int) -> dict[str, Any]:
    """Return the usage of an image call as a server counts it."""
    details = {"text_tokens": text, "image_tokens": image}
    return {"input_tokens": text + image, "input_tokens_details": details, "output_tokens": output}


def make_generator(
    response: Any, settings: dict[str, Any] = SETTINGS, cache: int = 0
) -> tuple[ImagesApiGenerator, FakeClient]:
    client = FakeClient(response)
    operation = Operation("images", "openai")
    kept_images = ResponseCache(operation, cache)
    return ImagesApiGenerator(operation, kept_images, ["gpt-image-2"], client.connect, settings, fetch_nothing), client


def make_responses_generator(response: Any, painter: str = "") -> tuple[ResponsesApiGenerator, FakeClient]:
    client = FakeClient(response)
    operation = Operation("images", "openai")
    cache = ResponseCache(operation)
    return ResponsesApiGenerator(
        operation, cache, ["gpt-4.1"], client.connect, SETTINGS, fetch_nothing, painter
    ), client


def draw(generator: Any, engine: Engine, prompt: str = "A city", **options: Any) -> tuple[Any, usage.Usage]:
    arguments = {"passages": [], "style": "", "size": "", "sample": 1} | options
    with usage.track_usage() as account:
        picture = engine.run(generator.draw(prompt, **arguments))
    return picture, account.usage


def encode(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"models": ["a"]}, "the way auto needs chat_models, which is not set"),
        ({"way": "images", "chat_models": ["a"]}, "the way images needs models, which is not set"),
        ({"way": "responses", "models": ["a"]}, "the way responses needs chat_models, which is not set"),
        ({"way": "diagram", "models": ["a"]}, "the way diagram needs chat_models, which is not set"),
    ],
)
def test_missing_list_of_models_is_named_with_its_way(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ProfileError) as error:
        check_model_lists(settings)
    assert str(error.value) == message


@pytest.mark.parametrize(
    "settings",
    [
        {"models": ["a"], "chat_models": ["b"]},
        {"chat_models": ["b"]},
        {"way": "auto", "models": ["a"], "chat_models": ["b"]},
        {"way": "images", "models": ["a"]},
        {"way": "responses", "chat_models": ["a"]},
        {"way": "diagram", "chat_models": ["a"]},
    ],
)
def test_each_way_needs_no_further_list(settings: dict[str, Any]) -> None:
    check_model_lists(settings)


class NamedGenerator:
    """A generator whose images name it, and the arguments that it received."""

    def __init__(self, name: str, wants: bool) -> None:
        self.name, self.wants = name, wants

    def wants_passages(self, prompt: str, style: str) -> bool:
        """Return what was given."""
        return self.wants

    async def draw(
        self, prompt: str, passages: Sequence[Passage], *, style: str, size: str, sample: int
    ) -> GeneratedImage:
        """Return an image whose text names the arguments."""
        return GeneratedImage(b"", "image/png", f"{prompt}|{len(passages)}|{style}|{size}|{sample}", self.name)


@pytest.mark.parametrize(
    ("prompt", "style", "name"),
    [
        ("A futuristic city", "", "picture"),
        ("A diagram of a city", "", "diagram"),
        ("a -> b -> c", "", "diagram"),
        ("a -> b", "", "picture"),
        ("A futuristic city", "map", "diagram"),
    ],
)
def test_auto_draws_a_diagram_for_its_words_or_a_style(prompt: str, style: str, name: str, engine: Engine) -> None:
    generator = AutoGenerator(NamedGenerator("diagram", wants=True), NamedGenerator("picture", wants=False))
    passages = [Passage.from_text("Cats sleep.", "a.txt")]
    picture = engine.run(generator.draw(prompt, passages, style=style, size="512x256", sample=3))
    assert (picture.answered_by, picture.alt_text) == (name, f"{prompt}|1|{style}|512x256|3")
    assert generator.wants_passages(prompt, style) == (name == "diagram")


@pytest.mark.parametrize("way", ["images", "responses"])
def test_image_model_wants_no_passages(way: str) -> None:
    generator = openai.images(["a"], ["b"], way=way)
    assert generator.wants_passages("A diagram of a city", "map") is False


def test_images_request_has_prompt_settings_and_one_image(engine: Engine) -> None:
    generator, client = make_generator(make_images_response(encode(PICTURE)))
    picture, _ = draw(generator, engine)
    assert picture == GeneratedImage(PICTURE, "image/png", "Picture of: A city", "openai:gpt-image-2", TRAINED_MODEL)
    assert client.requests == [
        {"model": "gpt-image-2", "prompt": "A city", "n": 1, "quality": "low", "output_format": "png"}
    ]


@pytest.mark.parametrize("size", ["512x512", ""])
def test_size_is_sent_only_when_it_is_given(size: str, engine: Engine) -> None:
    generator, client = make_generator(make_images_response(encode(PICTURE)))
    draw(generator, engine, size=size)
    assert client.requests[0].get("size", "") == size
    responses_generator, client = make_responses_generator(make_responses_response(encode(PICTURE)))
    draw(responses_generator, engine, size=size)
    assert client.requests[0]["tools"][0].get("size", "") == size


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "GIF"])
def test_mime_type_is_that_of_the_bytes_whatever_was_asked_for(image_format: str, engine: Engine) -> None:
    generator, _ = make_generator(make_images_response(encode(make_picture(image_format))))
    assert draw(generator, engine)[0].mime_type == f"image/{image_format.lower()}"


@pytest.mark.parametrize(
    ("prompt", "alt_text"),
    [
        ("  A\n city ", "Picture of: A city"),
        ("a " * 249 + "ab", "Picture of: " + "a " * 249 + "ab"),
        ("a " * 249 + "abc", "Picture of: " + "a " * 248 + "a…"),
    ],
)
def test_alt_text_is_one_line_of_at_most_500_characters(prompt: str, alt_text: str, engine: Engine) -> None:
    generator, _ = make_generator(make_images_response(encode(PICTURE)))
    assert draw(generator, engine, prompt)[0].alt_text == alt_text


@pytest.mark.parametrize(
    ("token_usage", "tokens", "cost"),
    [
        (make_token_usage(100, 0, 1000), (100, 1000), (100 * 5 + 1000 * 30) / 1e6),
        (make_token_usage(100, 50, 1000), (150, 1000), (100 * 5 + 50 * 8 + 1000 * 30) / 1e6),
        (
            {"input_tokens": 100, "input_tokens_details": None, "output_tokens": 1000},
            (100, 1000),
            (100 * 5 + 1000 * 30) / 1e6,
        ),
        (None, (0, 0), 0.0),
    ],
)
def test_image_call_counts_text_and_image_tokens(
    token_usage: Any, tokens: tuple[int, int], cost: float, engine: Engine
) -> None:
    generator, _ = make_generator(make_images_response(encode(PICTURE), token_usage))
    _, counted = draw(generator, engine)
    assert (counted.input_tokens, counted.output_tokens, counted.images) == (*tokens, 1)
    assert counted.cost == pytest.approx(cost)


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (make_images_response(None), "returned no image; use a model that generates images"),
        (make_images_response(""), "returned no image; use a model that generates images"),
        ({"data": []}, "returned no image; use a model that generates images"),
        ({"data": [7]}, "returned no image; use a model that generates images"),
        ({"data": [{"b64_json": 7, "url": []}]}, "returned no image; use a model that generates images"),
        (make_images_response("a-b="), "returned an image that is not valid base64; try again"),
        (make_images_response("!" * 1_000_004), "returned an image that is not valid base64; try again"),
        (
            make_images_response(encode(b"not a picture")),
            "returned something that is no image; try again, or use another model",
        ),
        (
            {"data": [{"b64_json": None, "url": "http://127.0.0.1:1/a.png"}]},
            "returned the address of an image, which cannot be fetched from here; let the server return base64",
        ),
    ],
)
def test_response_without_an_image_raises_error(response: Any, message: str, engine: Engine) -> None:
    with pytest.raises(RejectedCallError) as error:
        draw(make_generator(response)[0], engine)
    assert str(error.value) == f"openai:gpt-image-2 {message}"


def test_image_of_more_than_a_megabyte_is_decoded(engine: Engine) -> None:
    content = PICTURE + bytes(range(256)) * 4000
    assert draw(make_generator(make_images_response(encode(content)))[0], engine)[0].content == content


async def draw_together(generator: Any, *requests: tuple[str, str, int]) -> None:
    await asyncio.gather(
        *(generator.draw(prompt, [], style="", size=size, sample=sample) for prompt, size, sample in requests)
    )


@pytest.mark.parametrize(
    ("second", "calls"),
    [(("A city", "", 1), 1), (("A town", "", 1), 2), (("A city", "512x512", 1), 2), (("A city", "", 2), 2)],
)
def test_equal_draws_share_a_call(second: tuple[str, str, int], calls: int, engine: Engine) -> None:
    generator, client = make_generator(make_images_response(encode(PICTURE)))
    engine.run(draw_together(generator, ("A city", "", 1), second))
    assert len(client.requests) == calls
    response = make_responses_response(encode(PICTURE))
    responses_generator, client = make_responses_generator(response)
    engine.run(draw_together(responses_generator, ("A city", "", 1), second))
    assert len(client.requests) == calls


@pytest.mark.parametrize(("cache", "calls"), [(0, 2), (60, 1)])
def test_cached_image_equals_the_drawn_one(cache: int, calls: int, engine: Engine) -> None:
    generator, client = make_generator(make_images_response(encode(PICTURE)), cache=cache)
    first, second = (draw(generator, engine)[0] for _ in range(2))
    assert first == second
    assert len(client.requests) == calls


def make_responses_response(result: str | None, **fields: Any) -> Any:
    """Return a response of the Responses API whose second item is the call of the image tool."""
    image_call = SimpleNamespace(
        type="image_generation_call",
        result=result,
        error=fields.pop("error", None),
        revised_prompt=fields.pop("revised_prompt", None),
    )
    return SimpleNamespace(
        output=[SimpleNamespace(type="message"), image_call], usage=fields.pop("usage", None), **fields
    )


def test_responses_request_forces_the_tool_and_stores_nothing(engine: Engine) -> None:
    generator, client = make_responses_generator(make_responses_response(encode(PICTURE)))
    assert draw(generator, engine)[0].content == PICTURE
    tool = {"type": "image_generation", "quality": "low", "output_format": "png"}
    assert client.requests == [
        {
            "model": "gpt-4.1",
            "input": "A city",
            "tools": [tool],
            "tool_choice": {"type": "image_generation"},
            "store": False,
        }
    ]


@pytest.mark.parametrize(
    ("revised_prompt", "alt_text"),
    [("A city at night", "Picture of: A city at night"), (None, "Picture of: A city"), ("", "Picture of: A city")],
)
def test_alt_text_is_the_revised_prompt_where_there_is_one(
    revised_prompt: str | None, alt_text: str, engine: Engine
) -> None:
    response = make_responses_response(encode(PICTURE), revised_prompt=revised_prompt)
    assert draw(make_responses_generator(response)[0], engine)[0].alt_text == alt_text


@pytest.mark.parametrize(
    ("painter", "cost", "is_known"),
    [
        ("gpt-image-2", (1000 * 2 + 400 * 0.5 + 20 * 8 + 30 * 5 + 500 * 30) / 1e6, True),
        ("", (1000 * 2 + 400 * 0.5 + 20 * 8) / 1e6, False),
    ],
)
def test_tokens_of_chat_model_and_tool_are_priced_apart(
    painter: str, cost: float, is_known: bool, engine: Engine
) -> None:
    chat_usage = SimpleNamespace(
        input_tokens=1400, input_tokens_details=SimpleNamespace(cached_tokens=400), output_tokens=20
    )
    tool_usage = ToolUsage.construct(image_gen=make_token_usage(30, 0, 500))
    response = make_responses_response(encode(PICTURE), usage=chat_usage, tool_usage=tool_usage)
    _, counted = draw(make_responses_generator(response, painter)[0], engine)
    assert (counted.input_tokens, counted.output_tokens, counted.images) == (1430, 520, 1)
    assert counted.cost == pytest.approx(cost)
    assert counted.cost_known == is_known


@pytest.mark.parametrize(
    "response",
    [SimpleNamespace(output=[SimpleNamespace(type="message")], usage=None), make_responses_response(None)],
)
def test_chat_model_that_draws_nothing_raises_error_and_counts_no_image(response: Any, engine: Engine) -> None:
    generator, _ = make_responses_generator(response)
    with (
        usage.track_usage() as account,
        pytest.raises(
            RejectedCallError, match=r"^openai:gpt-4.1 returned no image; use a model that generates images$"
        ),
    ):
        engine.run(generator.draw("A city", [], style="", size="", sample=1))
    assert account.usage.images == 0


def test_refusal_of_the_tool_raises_moderation_error_with_its_code(engine: Engine) -> None:
    refusal = SimpleNamespace(code="moderation_blocked", moderation_details=None)
    with pytest.raises(ModerationError) as error:
        draw(make_responses_generator(make_responses_response(None, error=refusal))[0], engine)
    assert str(error.value) == "openai:gpt-4.1 refused the request (moderation_blocked); rephrase it"


def test_pictures_of_one_pace_are_drawn_one_after_the_other(stand_in: StandIn, engine: Engine) -> None:
    stand_in.script.latency["images/generations"] = 0.02
    generator = openai.images(["gpt-image-2"], way="images", pace=RateLimits(concurrency=1))
    engine.run(draw_together(generator, ("A city", "", 1), ("A town", "", 1), ("A sea", "", 1)))
    assert stand_in.script.peak["images/generations"] == 1
