"""Servers that differ from OpenAI's: what they refuse is left out, and what they answer in their own way is read."""

import base64
import struct
import textwrap
from http.server import BaseHTTPRequestHandler
from typing import Any

import numpy as np
import pytest

from model.errors import RejectedCallError, UnmatchedVectorsError
from model.interfaces import normalize_rows
from model.providers.compatible import CompatibleProvider
from model.providers.server_facts import ServerFacts
from model.runtime import usage
from model.runtime.event_loop import Engine
from tests.fixtures import run_site
from tests.odd_server import (
    EMBEDDINGS,
    IMAGES,
    Answer,
    Body,
    embed_as_usual,
    make_picture,
    make_vector,
    refuse,
    run_odd_server,
)

compatible = CompatibleProvider()


def embed(answer: Answer, engine: Engine, *texts: str, **settings: Any) -> tuple[Any, list[Body]]:
    """Return the vectors of ``texts`` from a server that answers so, and the bodies that it was sent."""
    with run_odd_server({EMBEDDINGS: answer}) as server:
        vectors = engine.run(compatible.embeddings("e", **settings).embed(texts))
    return vectors, server.bodies(EMBEDDINGS)


def change_rows(**changed: Any) -> Answer:
    """Return an answer whose rows have other fields; a value of None leaves the field out."""

    def answer(body: Body) -> tuple[int, Body]:
        usual = embed_as_usual(body)
        rows = [{name: value for name, value in (row | changed).items() if value is not None} for row in usual["data"]]
        return 200, usual | {"data": rows}

    return answer


def expected(*texts: str) -> Any:
    return pytest.approx(normalize_rows(np.array([make_vector(text) for text in texts], dtype=np.float32)), abs=1e-6)


def test_vectors_without_index_are_in_the_order_of_the_texts(engine: Engine) -> None:
    vectors, _ = embed(change_rows(index=None), engine, "fox", "owl")
    assert vectors == expected("fox", "owl")


def test_vectors_in_base64_are_read_though_numbers_were_asked_for(engine: Engine) -> None:
    def answer(body: Body) -> tuple[int, Body]:
        usual = embed_as_usual(body)
        for row in usual["data"]:
            row["embedding"] = base64.b64encode(struct.pack("<8f", *row["embedding"])).decode()
        return 200, usual

    assert embed(answer, engine, "fox")[0] == expected("fox")


@pytest.mark.parametrize("embedding", [None, [], "!", [[1.0], [2.0]], {"a": 1}, ["x"]])
def test_vector_that_is_none_is_an_error(embedding: Any, engine: Engine) -> None:
    with pytest.raises(RejectedCallError, match="returned vectors that are not finite numbers"):
        embed(change_rows(embedding=embedding), engine, "fox")


def test_vectors_of_several_lengths_are_an_error(engine: Engine) -> None:
    def answer(body: Body) -> tuple[int, Body]:
        usual = embed_as_usual(body)
        usual["data"][-1]["embedding"].pop()
        return 200, usual

    with pytest.raises(UnmatchedVectorsError, match="returned vectors of different lengths"):
        embed(answer, engine, "fox", "owl")


@pytest.mark.parametrize(
    ("counts", "tokens", "cost_known"),
    [({"usage": {}}, 0, False), ({"usage": None}, 0, False), ({"usage": {"prompt_tokens": None}}, 0, False)],
)
def test_tokens_that_a_server_does_not_count_have_an_unknown_cost(
    counts: Body, tokens: int, cost_known: bool, engine: Engine
) -> None:
    with usage.track_usage() as account:
        embed(lambda body: (200, embed_as_usual(body) | counts), engine, "fox")
    assert (account.usage.input_tokens, account.usage.cost_known) == (tokens, cost_known)


@pytest.mark.parametrize(
    ("parameter", "refusal"),
    [
        ("encoding_format", refuse("Setting {'encoding_format': 'float'} is not supported by cohere", code="400")),
        ("encoding_format", (422, {"detail": [{"loc": ["body", "encoding_format"], "msg": "extra not permitted"}]})),
        (
            "dimensions",
            refuse('Model "e" does not support matryoshka representation, changing dimensions is not allowed'),
        ),
        ("dimensions", refuse("unexpected", param="dimensions")),
    ],
)
def test_parameter_that_a_server_refuses_is_left_out_from_then_on(
    parameter: str, refusal: tuple[int, Body], engine: Engine
) -> None:
    def answer(body: Body) -> tuple[int, Body] | None:
        return refusal if parameter in body else None

    facts = ServerFacts()
    vectors, bodies = embed(answer, engine, "fox", dimensions=4, facts=facts)
    assert [parameter in body for body in bodies] == [True, False]
    assert vectors.shape == (1, 4 if parameter == "encoding_format" else 8)
    assert facts.limits_of("compatible", "e").refused == {parameter}
    _, bodies = embed(answer, engine, "fox", dimensions=4, facts=facts)
    assert [parameter in body for body in bodies] == [False]


@pytest.mark.parametrize("parameter", ["dimensions", "encoding_format"])
def test_parameter_that_a_profile_omits_is_never_sent(parameter: str, engine: Engine) -> None:
    _, bodies = embed(lambda _: None, engine, "fox", dimensions=4, omit=[parameter])
    assert [parameter in body for body in bodies] == [False]


def test_refusal_that_names_no_parameter_is_an_error(engine: Engine) -> None:
    with pytest.raises(RejectedCallError, match="did not take the request"):
        embed(lambda _: refuse("the text is too dull"), engine, "fox")


def test_texts_go_in_batches_of_the_set_size(engine: Engine) -> None:
    vectors, bodies = embed(lambda _: None, engine, "fox", "owl", "newt", batch=2)
    assert [body["input"] for body in bodies] == [["fox", "owl"], ["newt"]]
    assert vectors == expected("fox", "owl", "newt")


@pytest.mark.parametrize(
    ("model", "settings", "question", "passage"),
    [
        ("multilingual-e5-small", {}, "query: fox", "passage: fox"),
        ("BAAI/bge-base-en-v1.5", {}, "Represent this sentence for searching relevant passages: fox", "fox"),
        ("nomic-embed-text:latest", {}, "search_query: fox", "search_document: fox"),
        ("snowflake-arctic-embed2", {}, "query: fox", "fox"),
        ("snowflake-arctic-embed", {}, "Represent this sentence for searching relevant passages: fox", "fox"),
        ("bge-m3", {}, "fox", "fox"),
        ("all-minilm", {}, "fox", "fox"),
        ("multilingual-e5-small", {"question_prompt": "", "passage_prompt": "p: "}, "fox", "p: fox"),
    ],
)
def test_question_and_passage_have_the_prompt_of_the_model_or_the_profile(
    model: str, settings: Body, question: str, passage: str, engine: Engine
) -> None:
    with run_odd_server() as server:
        embeddings = compatible.embeddings(model, **settings)
        engine.run(embeddings.embed(["fox"], question=True))
        engine.run(embeddings.embed(["fox"]))
    assert [body["input"] for body in server.bodies(EMBEDDINGS)] == [[question], [passage]]


def test_cached_vectors_of_another_length_are_embedded_again(engine: Engine) -> None:
    width = 8
    with run_odd_server({EMBEDDINGS: lambda body: (200, embed_as_usual(body, width))}) as server:
        embeddings = compatible.embeddings("e")
        engine.run(embeddings.embed(["fox"], question=True))
        width = 5
        assert engine.run(embeddings.embed(["fox", "owl"], question=True)).shape == (2, 5)
    assert [body["input"] for body in server.bodies(EMBEDDINGS)] == [["fox"], ["owl"], ["fox", "owl"]]


def encode(content: bytes) -> str:
    return base64.b64encode(content).decode()


def draw(answer: Answer, engine: Engine, **settings: Any) -> tuple[Any, list[Body]]:
    """Return the image that a server draws that answers so, and the bodies that it was sent."""
    with run_odd_server({IMAGES: answer}) as server:
        generator = compatible.images(models=["p"], way="images", **settings)
        image = engine.run(generator.draw("A city", [], style="", size="", sample=1))
    return image, server.bodies(IMAGES)


@pytest.mark.parametrize(
    "content",
    [
        "data:image/png;base64," + encode(make_picture()),
        "\n".join(textwrap.wrap(encode(make_picture()), 76)),
        encode(make_picture()).rstrip("="),
    ],
)
def test_image_is_read_as_data_uri_in_lines_and_without_padding(content: str, engine: Engine) -> None:
    image, _ = draw(lambda _: (200, {"data": [{"b64_json": content}]}), engine)
    assert (image.content, image.mime_type) == (make_picture(), "image/png")


def test_image_at_an_address_is_fetched_without_the_key(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    headers: list[Any] = []

    class Picture(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's
            """Log nothing."""

        def do_GET(self) -> None:
            headers.append(self.headers["authorization"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(make_picture("WEBP"))

    monkeypatch.setenv("COMPATIBLE_API_KEY", "sk-secret")
    with run_site(Picture) as address:
        image, _ = draw(lambda _: (200, {"data": [{"url": f"{address}/a"}]}), engine)
    assert (image.content, image.mime_type, headers) == (make_picture("WEBP"), "image/webp", [None])


@pytest.mark.parametrize(
    ("parameter", "refusal"),
    [
        (
            "quality",
            refuse("Invalid value: 'auto'. Supported values are: 'hd'.", param="quality", code="invalid_value"),
        ),
        ("output_format", refuse("Unknown parameter: 'output_format'.", param="output_format")),
        ("response_format", refuse("Unknown parameter: 'response_format'.")),
    ],
)
def test_parameter_of_images_that_a_server_refuses_is_left_out(
    parameter: str, refusal: tuple[int, Body], engine: Engine
) -> None:
    def answer(body: Body) -> tuple[int, Body]:
        return refusal if parameter in body else (200, {"data": [{"b64_json": encode(make_picture())}]})

    facts = ServerFacts()
    _, bodies = draw(answer, engine, facts=facts)
    assert [parameter in body for body in bodies] == [True, False]
    assert facts.limits_of("compatible", "p").refused == {parameter}


def test_refusal_that_names_what_is_left_out_already_leaves_out_its_kin(engine: Engine) -> None:
    def answer(body: Body) -> tuple[int, Body]:
        if {"output_format", "quality"} & body.keys():
            return refuse("Unknown parameter: 'output_format'.", param="output_format")
        return 200, {"data": [{"b64_json": encode(make_picture())}]}

    image, bodies = draw(answer, engine)
    assert (len(bodies), image.mime_type) == (3, "image/png")


@pytest.mark.parametrize("counts", [{}, {"input_tokens": None, "output_tokens": None}, None])
def test_image_without_token_counts_has_an_unknown_cost(counts: Any, engine: Engine) -> None:
    with usage.track_usage() as account:
        draw(lambda _: (200, {"data": [{"b64_json": encode(make_picture())}], "usage": counts}), engine)
    assert (account.usage.images, account.usage.input_tokens, account.usage.cost_known) == (1, 0, False)
