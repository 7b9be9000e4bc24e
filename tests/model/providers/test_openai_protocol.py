"""Every spelling of OpenAI's protocol against the strict stand-in: what is asked, and what comes back."""

import io
import os
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model.contract.events import discard
from model.errors import ProfileError
from model.interfaces import NO_ANSWER, ModelStatus
from model.passages import Passage
from model.providers import azure, compatible, databricks, openai
from model.runtime import usage
from model.runtime.event_loop import Engine
from model.runtime.usage import Usage
from model.transport.rate_limiter import Operation
from model.transport.response_cache import ResponseCache
from standin.app import StandIn
from standin.faults import Fault

PASSAGES = [
    Passage.from_text("GPT-4 is a language model developed by OpenAI.", "gpt-4.txt"),
    Passage.from_text("Azure Databricks is an analytics platform.", "databricks.txt"),
]
QUESTION = "What is Azure Databricks?"
SPELLINGS = [
    pytest.param(openai, "gpt-4.1", "text-embedding-3-small", 1536, id="openai"),
    pytest.param(azure, "gpt-4.1", "text-embedding-3-small", 1536, id="azure"),
    pytest.param(compatible, "gpt-4.1", "text-embedding-3-small", 1536, id="compatible"),
    pytest.param(databricks, "openai-behind-databricks", "databricks-gte-large-en", 1024, id="databricks"),
]


def name(spelling: ModuleType) -> str:
    return spelling.__name__.rpartition(".")[2]


def accounted(engine: Engine, work: Any) -> tuple[Any, usage.Account]:
    """What ``work`` gives, and what it used and noted."""
    with usage.track_usage() as used:
        given = engine.run(work)
    return given, used


@pytest.mark.parametrize(("spelling", "chat", "embeds", "dimension"), SPELLINGS)
def test_an_answer_cites_its_passage(
    spelling: Any, chat: str, embeds: str, dimension: int, stand_in: StandIn, engine: Engine
) -> None:
    reply, used = accounted(engine, spelling.chat([chat]).answer(QUESTION, PASSAGES, discard))
    assert (reply.text, reply.cited) == ("Azure Databricks is an analytics platform. [2]", {1})
    assert (reply.answered_by, reply.abstained) == (f"{name(spelling)}:{chat}", False)
    path, body = stand_in.script.calls[0]
    assert (path, body["model"], body["temperature"] if spelling is openai else 0) == ("chat/completions", chat, 0)
    assert '<passage n="1">\nGPT-4 is a language model' in body["messages"][0]["content"]
    assert (used.usage.input_tokens, used.usage.output_tokens) == (151, 12)
    assert used.usage.cost_known == (spelling is openai)
    assert used.notes == []


@pytest.mark.parametrize(("spelling", "chat", "embeds", "dimension"), SPELLINGS)
def test_an_answer_is_streamed(
    spelling: Any, chat: str, embeds: str, dimension: int, stand_in: StandIn, engine: Engine
) -> None:
    told: list[Any] = []
    work = spelling.chat([chat]).answer(QUESTION, PASSAGES, lambda *event: told.append(event))
    reply, used = accounted(engine, work)
    assert "".join(text for kind, text in told if kind == "token") == reply.text
    assert len(told) == 7
    streamed = {"include_usage": True} if spelling is not databricks else None
    assert stand_in.script.calls[0][1].get("stream_options") == streamed
    assert used.usage.output_tokens == (12 if spelling is not databricks else 0)
    assert used.usage.cost_known == (spelling is openai)


@pytest.mark.parametrize(("spelling", "chat", "embeds", "dimension"), SPELLINGS)
def test_embeddings_have_norm_one_and_the_order_of_the_texts(
    spelling: Any, chat: str, embeds: str, dimension: int, stand_in: StandIn, engine: Engine
) -> None:
    made = spelling.embeddings(embeds)
    vectors, used = accounted(engine, made.embed(["one two", "", "one two", "three"]))
    assert (vectors.shape, vectors.dtype, made.provider) == ((4, dimension), np.float32, name(spelling))
    assert np.linalg.norm(vectors, axis=1).tolist() == pytest.approx([1, 0, 1, 1])
    assert (vectors[0] == vectors[2]).all()
    assert [body["input"] for _, body in stand_in.script.calls] == [["one two", " ", "one two", "three"]]
    assert used.usage.input_tokens == 7
    assert used.usage.cost == pytest.approx(7 * 0.02 / 1e6 if spelling is openai else 0)


@pytest.mark.parametrize(("spelling", "chat", "embeds", "dimension"), SPELLINGS)
def test_a_diagram_is_written_by_a_chat_model_and_drawn_here(
    spelling: Any, chat: str, embeds: str, dimension: int, stand_in: StandIn, engine: Engine
) -> None:
    extra = {} if spelling is databricks else {"models": ["gpt-image-2"]}
    images = spelling.images(chat_models=[chat], **extra)
    drawn = images.draw("A diagram of pump, boiler, chimney", PASSAGES, style="", size="512x512", sample=1)
    picture, used = accounted(engine, drawn)
    assert Image.open(io.BytesIO(picture.content)).size == (512, 512)
    assert picture.answered_by == f"{name(spelling)}:{chat}, drawn by multichain"
    assert picture.alt_text.startswith("Diagram of A diagram of pump, boiler, chimney: pump with boiler; ")
    assert [path for path, _ in stand_in.script.calls] == ["chat/completions"]
    assert '<passage n="2">\nAzure Databricks is' in stand_in.script.calls[0][1]["messages"][0]["content"]
    assert (used.usage.images, used.usage.output_tokens > 50) == (1, True)


@pytest.mark.parametrize("spelling", [openai, azure, compatible])
def test_an_address_where_no_such_service_is(spelling: Any, engine: Engine, stand_in: StandIn) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT", "COMPATIBLE_BASE_URL"):
            patch.setenv(name, f"{os.environ['DATABRICKS_HOST']}/wrong")
        with pytest.raises(Exception, match="its address answers, but not as such a service; check it, up to its /v1"):
            engine.run(spelling.chat(["gpt-4.1", "gpt-6-luna"]).complete("Hi", "", discard))
        (standing,) = engine.run(spelling.standings(["gpt-4o-mini-x"]))
        assert standing.listed is None


@pytest.mark.parametrize("spelling", [openai, azure, compatible])
def test_a_picture_of_the_images_api(spelling: Any, stand_in: StandIn, engine: Engine) -> None:
    images = spelling.images(["gpt-image-1", "gpt-image-2"], ["gpt-4.1"], quality="low", output_format="jpeg")
    drawn = images.draw("A futuristic city with flying cars", [], style="", size="1024x1536", sample=1)
    picture, used = accounted(engine, drawn)
    assert Image.open(io.BytesIO(picture.content)).format == "JPEG"
    assert (picture.mime_type, picture.answered_by) == ("image/jpeg", f"{name(spelling)}:gpt-image-2")
    assert picture.alt_text == "Picture of: A futuristic city with flying cars"
    asked = stand_in.script.calls[1][1]
    assert (asked["size"], asked["quality"], asked["output_format"]) == ("1024x1536", "low", "jpeg")
    assert used.usage.images == 1
    assert used.usage.cost == pytest.approx((9 * 5 + 6144 * 30) / 1e6 if spelling is openai else 0)
    assert used.notes == [f"model_passed_over: {name(spelling)}:gpt-image-1 is not there, or no longer"]


@pytest.mark.parametrize("spelling", [openai, azure, compatible])
def test_a_picture_of_a_chat_model_that_draws(spelling: Any, stand_in: StandIn, engine: Engine) -> None:
    images = spelling.images(["gpt-image-2"], ["gpt-4.1"], way="responses")
    picture, used = accounted(engine, images.draw("A city", [], style="", size="", sample=1))
    assert (picture.mime_type, picture.answered_by) == ("image/webp", f"{name(spelling)}:gpt-4.1")
    assert picture.alt_text == "Picture of: A card that says: A city"
    (path, asked), *_ = stand_in.script.calls
    tool = {"type": "image_generation", "quality": "auto", "output_format": "webp", "model": "gpt-image-2"}
    assert (path, asked["tools"], asked["store"]) == ("responses", [tool], False)
    assert (used.usage.images, used.usage.output_tokens) == (1, 20 + 4096)
    assert used.usage.cost == pytest.approx((2 * 2 + 20 * 8 + 2 * 5 + 4096 * 30) / 1e6 if spelling is openai else 0)


def test_a_drawing_chat_model_whose_image_model_is_not_told_costs_what_is_not_known(
    stand_in: StandIn, engine: Engine
) -> None:
    images = openai.images(chat_models=["gpt-4.1"], way="responses")
    _, used = accounted(engine, images.draw("A city", [], style="", size="", sample=1))
    assert (used.usage.images, used.usage.cost_known, used.usage.cost > 0) == (1, False, True)


@pytest.mark.parametrize("way", ["images", "responses"])
def test_a_refusal_by_moderation_tells_its_reason_and_what_it_cost(way: str, stand_in: StandIn, engine: Engine) -> None:
    images = openai.images(["gpt-image-2"], ["gpt-4.1"], way=way)
    asked = "gpt-image-2" if way == "images" else "gpt-4.1"
    with usage.track_usage() as used, pytest.raises(Exception, match="refused") as told:
        engine.run(images.draw("A weapon of my enemy", [], style="", size="", sample=1))
    sentence = f"refused: openai:{asked} refused the request (moderation_blocked: violence); rephrase it"
    assert told.value.coded_message == sentence  # type: ignore[attr-defined]
    assert (used.usage.cost > 0) == (way == "responses")
    assert len(stand_in.script.calls) == 1


def test_a_size_that_the_model_does_not_take_is_named(stand_in: StandIn, engine: Engine) -> None:
    images = openai.images(["gpt-image-2"], way="images")
    with pytest.raises(Exception, match=r"^openai:gpt-image-2 did not take the request \(HTTP 400, for size\)"):
        engine.run(images.draw("A city", [], style="", size="100x100", sample=1))


def test_a_model_that_is_gone_falls_through_visibly(stand_in: StandIn, engine: Engine) -> None:
    reply, used = accounted(engine, openai.chat(["gpt-4", "gpt-6-luna"]).complete("Hi", "", discard))
    assert reply.answered_by == "openai:gpt-6-luna"
    assert [body["model"] for _, body in stand_in.script.calls] == ["gpt-4", "gpt-6-luna"]
    assert used.notes == ["model_passed_over: openai:gpt-4 is not there, or no longer"]


@pytest.mark.parametrize(("status", "code"), [(403, "forbidden"), (429, "insufficient_quota")])
def test_not_permitted_or_out_of_quota_falls_through_at_once(
    status: int, code: str, stand_in: StandIn, engine: Engine
) -> None:
    stand_in.script.faults.append(Fault(status=status, code=code))
    reply = engine.run(openai.chat(["gpt-4.1-mini", "gpt-6-luna"]).complete("Hi", "", discard))
    assert reply.answered_by == "openai:gpt-6-luna"
    assert len(stand_in.script.calls) == 2


def test_without_fallback_the_first_alone_is_asked(stand_in: StandIn, engine: Engine) -> None:
    with pytest.raises(Exception, match=r"^openai:gpt-4 is not there, or no longer; name another model$"):
        engine.run(openai.chat(["gpt-4", "gpt-6-luna"], fallback=False).complete("Hi", "", discard))
    made = openai.images(["gpt-image-1", "gpt-image-2"], way="images", fallback=False)
    with pytest.raises(Exception, match=r"^openai:gpt-image-1 is not there"):
        engine.run(made.draw("A city", [], style="", size="", sample=1))
    assert len(stand_in.script.calls) == 2


def test_a_temperature_is_sent_to_models_that_take_one(stand_in: StandIn, engine: Engine) -> None:
    engine.run(openai.chat(["gpt-4.1"]).complete("Hi", "Be brief.", discard))
    engine.run(openai.chat(["gpt-6-luna"]).complete("Hi", "", discard))
    engine.run(openai.chat(["gpt-4.1"], temperature=0.7).complete("Hi", "", discard))
    assert [body.get("temperature") for _, body in stand_in.script.calls] == [0.0, None, 0.7]
    assert [message["role"] for message in stand_in.script.calls[0][1]["messages"]] == ["system", "user"]


def test_passages_that_the_window_cannot_hold_are_left_out_from_the_end_and_it_is_said(
    stand_in: StandIn, engine: Engine
) -> None:
    passages = [Passage.from_text(f"Passage {n} about Databricks. " + "word " * 400, "a.txt") for n in range(9)]
    reply, used = accounted(engine, openai.chat(["gpt-4.1"], window=6000).answer("Databricks?", passages, discard))
    sent = stand_in.script.calls[0][1]["messages"][0]["content"]
    assert ('n="3">\nPassage 2' in sent, 'n="4">' in sent) == (True, False)
    assert used.notes == ["passages_left_out: the last 6 of 9 passages do not fit into the chat model's context window"]
    assert reply.cited <= {0, 1, 2}


def test_a_window_that_holds_no_passage_is_an_error_and_nothing_is_paid(stand_in: StandIn, engine: Engine) -> None:
    with pytest.raises(Exception, match=r"^openai:gpt-4.1 cannot read even one passage: its context window is "):
        engine.run(openai.chat(["gpt-4.1"], window=300).answer(QUESTION, PASSAGES, discard))
    assert stand_in.script.calls == []


SMALL = "llama3.3"
"""A model whose window of 8,192 tokens is smaller than that of the first model."""


def test_a_small_fallback_model_that_is_not_asked_leaves_no_passage_out(stand_in: StandIn, engine: Engine) -> None:
    passages = [Passage.from_text(f"Passage {n} about Databricks. " + "word " * 100, "a.txt") for n in range(50)]
    reply, used = accounted(engine, openai.chat(["gpt-4.1", SMALL]).answer("Databricks?", passages, discard))
    assert reply.answered_by == "openai:gpt-4.1"
    assert 'n="50">' in stand_in.script.calls[0][1]["messages"][0]["content"]
    assert used.notes == []


def test_a_small_fallback_model_that_is_not_asked_fails_no_answer(stand_in: StandIn, engine: Engine) -> None:
    passages = [Passage.from_text("Databricks is a platform. " + "word " * 5400, "a.txt")]
    reply, used = accounted(engine, openai.chat(["gpt-4.1", SMALL]).answer("Databricks?", passages, discard))
    assert (reply.answered_by, reply.cited, used.notes) == ("openai:gpt-4.1", {0}, [])


def test_the_passages_left_out_are_those_of_the_model_that_answered(stand_in: StandIn, engine: Engine) -> None:
    passages = [Passage.from_text(f"Passage {n} about Databricks. " + "word " * 400, "a.txt") for n in range(9)]
    stand_in.script.faults.append(Fault(status=403, code="forbidden"))
    stand_in.script.replies.append("So it is. [5] And so. [6]")
    reply, used = accounted(engine, openai.chat(["gpt-4.1", SMALL]).answer("Databricks?", passages, discard))
    first, second = (body["messages"][0]["content"] for _, body in stand_in.script.calls)
    assert ('n="9">' in first, 'n="5">' in second, 'n="6">' in second) == (True, True, False)
    assert (reply.answered_by, reply.text, reply.cited) == (f"openai:{SMALL}", "So it is. [5] And so.", {4})
    assert used.notes == [
        "model_passed_over: openai:gpt-4.1 is not permitted with this key",
        "passages_left_out: the last 4 of 9 passages do not fit into the chat model's context window",
        "false_citation: a sentence cited [6], which is not a passage; the citation was removed",
    ]


def test_a_citation_of_a_passage_that_was_left_out_is_false(stand_in: StandIn, engine: Engine) -> None:
    stand_in.script.replies.append("So it is. [3] And so. [1]")
    reply, used = accounted(engine, openai.chat(["gpt-4.1"]).answer("Databricks?", PASSAGES, discard))
    assert (reply.text, reply.cited) == ("So it is. And so. [1]", {0})
    assert used.notes == ["false_citation: a sentence cited [3], which is not a passage; the citation was removed"]


def test_what_the_passages_do_not_hold_is_not_answered(stand_in: StandIn, engine: Engine) -> None:
    reply = engine.run(openai.chat(["gpt-4.1"]).answer("Which bird sings?", PASSAGES, discard))
    assert (reply.text, reply.abstained, reply.cited) == (NO_ANSWER, True, frozenset())


def test_a_diagram_that_cannot_be_drawn_is_sent_back_once(stand_in: StandIn, engine: Engine) -> None:
    stand_in.script.replies.append('{"title": "T", "nodes": [{"id": "a", "label": "A"}], "edges": []}')
    images = openai.images(chat_models=["gpt-4.1"], way="diagram")
    picture = engine.run(images.draw("A diagram of pumps", [], style="", size="", sample=1))
    assert picture.alt_text == "Diagram of A diagram of pumps: pumps with stand-in."
    again = stand_in.script.calls[1][1]["messages"][0]["content"]
    assert "could not be used: nodes: List should have at least 2 items" in again
    stand_in.script.replies.extend(["no", "never"])
    with pytest.raises(Exception, match=r"^openai:gpt-4.1 described no diagram that can be drawn"):
        engine.run(images.draw("A diagram of pumps", [], style="", size="", sample=1))


def test_dimensions_shorten_the_vectors(stand_in: StandIn, engine: Engine) -> None:
    assert engine.run(openai.embeddings("text-embedding-3-small", 256).embed(["a"])).shape == (1, 256)


def test_encodings(stand_in: StandIn, engine: Engine) -> None:
    engine.run(openai.embeddings("text-embedding-3-small").embed(["a"]))
    engine.run(compatible.embeddings("text-embedding-3-small").embed(["a"]))
    assert [body["encoding_format"] for _, body in stand_in.script.calls] == ["base64", "float"]


def test_many_texts_are_asked_for_within_the_limits(stand_in: StandIn, engine: Engine) -> None:
    vectors = engine.run(openai.embeddings("text-embedding-3-small", 8).embed([f"text {n}" for n in range(2100)]))
    assert vectors.shape == (2100, 8)
    assert [len(body["input"]) for _, body in stand_in.script.calls] == [2048, 52]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ([{"index": 0, "embedding": [1.0]}], "returned vectors that do not match"),
        ([{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}], "returned vectors that do not match"),
        ([{"index": 1, "embedding": [1.0]}, {"index": 0, "embedding": [float("nan")]}], "that are not finite numbers"),
    ],
)
def test_vectors_that_cannot_be_right(data: Any, sentence: str, engine: Engine) -> None:
    from types import SimpleNamespace

    from model.providers.openai_protocol.embeddings import OpenAIEmbeddings

    async def create(**_: Any) -> Any:
        return SimpleNamespace(data=[SimpleNamespace(**row) for row in data], usage=None)

    async def client() -> Any:
        return SimpleNamespace(create=create)

    with pytest.raises(Exception, match=sentence):
        engine.run(
            OpenAIEmbeddings(Operation("embeddings", "openai"), ResponseCache("embeddings"), "x", client, {}).embed(
                ["a", "b"]
            )
        )


def test_vectors_in_another_order_are_put_in_order(engine: Engine) -> None:
    from types import SimpleNamespace

    from model.providers.openai_protocol.embeddings import OpenAIEmbeddings

    async def create(**_: Any) -> Any:
        rows = [SimpleNamespace(index=1, embedding=[0.0, 2.0]), SimpleNamespace(index=0, embedding=[3.0, 0.0])]
        return SimpleNamespace(data=rows, usage=None)

    async def client() -> Any:
        return SimpleNamespace(create=create)

    assert engine.run(
        OpenAIEmbeddings(Operation("embeddings", "openai"), ResponseCache("embeddings"), "x", client, {}).embed(
            ["a", "b"]
        )
    ).tolist() == [[1, 0], [0, 1]]


def test_how_models_stand(stand_in: StandIn, engine: Engine) -> None:
    assert engine.run(openai.standings(["gpt-4", "gpt-4.1", "gpt-6-luna", "mine"])) == [
        ModelStatus("openai:gpt-4", listed=False, end_date="2026-10-23", successor="gpt-6-luna"),
        ModelStatus("openai:gpt-4.1", listed=True, end_date="2027-01-14", successor="gpt-6-luna"),
        ModelStatus("openai:gpt-6-luna", listed=True),
        ModelStatus("openai:mine", listed=False),
    ]
    assert engine.run(azure.standings(["gpt-4.1"])) == [
        ModelStatus("azure:gpt-4.1", listed=True, end_date="2030-03-17")
    ]
    assert engine.run(databricks.standings(["databricks-gte-large-en", "nope"])) == [
        ModelStatus("databricks:databricks-gte-large-en", listed=True),
        ModelStatus("databricks:nope", listed=False),
    ]


@pytest.mark.parametrize("status", [403, 404])
def test_a_server_without_a_list_of_models_is_unknown(status: int, stand_in: StandIn, engine: Engine) -> None:
    stand_in.script.faults.append(Fault(path="models", status=status))
    assert engine.run(compatible.standings(["any"])) == [ModelStatus("compatible:any")]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"way": "paint", "models": ["a"]}, "there is no way 'paint' to make images; use one of images, responses,"),
        ({"models": ["a"]}, "the way auto needs chat_models"),
        ({"way": "images"}, "the way images needs models"),
        ({"way": "diagram", "models": ["a"]}, "the way diagram needs chat_models"),
        ({"way": "images", "models": ["a"], "output_format": "gif"}, "output_format must be one of png, jpeg, webp"),
        ({"way": "images", "models": ["a"], "quality": "superb"}, "quality must be one of auto, low, medium, high"),
        ({"way": "images", "models": []}, r"models names no model; write a list such as \[gpt-4.1, gpt-6-luna\]"),
        ({"way": "images", "models": ["a", 5]}, "models names no model"),
        ({"window": 0}, "window must be a whole number above 0"),
        ({"dimensions": 0}, "dimensions must be a whole number above 0"),
    ],
)
def test_settings_of_pictures_that_do_not_go_together(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ProfileError, match=sentence):
        openai.check("images", settings)


def test_what_it_serves_with() -> None:
    common = {"langchain-openai", "openai", "tenacity", "pillow"}
    assert openai.requires({"models": ["a"]}) == common
    assert compatible.requires({"chat_models": ["a"]}) == common | {"pygraphviz", "textblob"}
    assert databricks.requires({}) == common | {"databricks-sdk"}
    assert azure.requires({}) == common | {"azure-identity"}


def test_a_usage_is_a_sum() -> None:
    assert Usage(1, 2, 3, 0.5) + Usage(10, 0, 0, 0.25, cost_known=False, cached=True) == Usage(
        11, 2, 3, 0.75, cost_known=False, cached=True
    )
