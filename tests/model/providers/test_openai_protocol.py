"""Providers that speak OpenAI's protocol, against the strict stand-in: requests and results."""

import io
import os
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model.config.settings import find_problems
from model.contract.events import discard
from model.errors import ProfileError
from model.interfaces import NO_ANSWER, ModelStatus
from model.passages import Passage
from model.providers.azure import AzureProvider
from model.providers.compatible import CompatibleProvider
from model.providers.databricks import DatabricksProvider
from model.providers.openai import OpenAIProvider
from model.runtime import usage
from model.runtime.event_loop import Engine
from model.runtime.usage import Usage
from standin.app import StandIn
from standin.faults import Fault

azure, compatible, databricks, openai = AzureProvider(), CompatibleProvider(), DatabricksProvider(), OpenAIProvider()

PASSAGES = [
    Passage.from_text("GPT-4 is a language model developed by OpenAI.", "gpt-4.txt"),
    Passage.from_text("Azure Databricks is an analytics platform.", "databricks.txt"),
]
QUESTION = "What is Azure Databricks?"
PROVIDERS = [
    pytest.param(openai, "gpt-4.1", "text-embedding-3-small", 1536, id="openai"),
    pytest.param(azure, "gpt-4.1", "text-embedding-3-small", 1536, id="azure"),
    pytest.param(compatible, "gpt-4.1", "text-embedding-3-small", 1536, id="compatible"),
    pytest.param(databricks, "openai-behind-databricks", "databricks-gte-large-en", 1024, id="databricks"),
]


def provider_name(provider: ModuleType) -> str:
    return str(provider.name)


def run_with_account(engine: Engine, work: Any) -> tuple[Any, usage.Account]:
    """Return the result of ``work`` and the account of its usage and notes."""
    with usage.track_usage() as account:
        result = engine.run(work)
    return result, account


@pytest.mark.parametrize(("provider", "chat_model", "embedding_model", "dimension"), PROVIDERS)
def test_answer_cites_its_passage_and_counts_tokens(
    provider: Any, chat_model: str, embedding_model: str, dimension: int, stand_in: StandIn, engine: Engine
) -> None:
    reply, account = run_with_account(engine, provider.chat([chat_model]).answer(QUESTION, PASSAGES, discard))
    assert (reply.text, reply.cited) == ("Azure Databricks is an analytics platform. [2]", {1})
    assert (reply.answered_by, reply.abstained) == (f"{provider_name(provider)}:{chat_model}", False)
    path, body = stand_in.script.calls[0]
    assert (path, body["model"]) == ("chat/completions", chat_model)
    assert (body["temperature"] if provider is openai else 0) == 0
    assert '<passage n="1">\nGPT-4 is a language model' in body["messages"][0]["content"]
    output_tokens = 20 if provider is openai else 12  # of JSON, with the flag for abstaining
    assert (account.usage.input_tokens, account.usage.output_tokens) == (161, output_tokens)
    assert account.usage.cost_known == (provider is openai)
    assert account.notes == []


@pytest.mark.parametrize(("provider", "chat_model", "embedding_model", "dimension"), PROVIDERS)
def test_answer_is_streamed_token_by_token(
    provider: Any, chat_model: str, embedding_model: str, dimension: int, stand_in: StandIn, engine: Engine
) -> None:
    events: list[Any] = []
    work = provider.chat([chat_model]).answer(QUESTION, PASSAGES, lambda *event: events.append(event))
    reply, account = run_with_account(engine, work)
    assert "".join(text for kind, text in events if kind == "token") == reply.text
    assert len(events) == 7
    stream_options = {"include_usage": True} if provider is not databricks else None
    assert stand_in.script.calls[0][1].get("stream_options") == stream_options
    assert account.usage.output_tokens == {openai: 20, databricks: 0}.get(provider, 12)
    assert account.usage.cost_known == (provider is openai)


@pytest.mark.parametrize(("provider", "chat_model", "embedding_model", "dimension"), PROVIDERS)
def test_embeddings_have_norm_1_and_the_order_of_the_texts(
    provider: Any, chat_model: str, embedding_model: str, dimension: int, stand_in: StandIn, engine: Engine
) -> None:
    embeddings = provider.embeddings(embedding_model)
    vectors, account = run_with_account(engine, embeddings.embed(["one two", "", "one two", "three"]))
    assert (vectors.shape, vectors.dtype, embeddings.provider) == ((4, dimension), np.float32, provider_name(provider))
    assert np.linalg.norm(vectors, axis=1).tolist() == pytest.approx([1, 0, 1, 1])
    assert (vectors[0] == vectors[2]).all()
    assert [body["input"] for _, body in stand_in.script.calls] == [["one two", " ", "one two", "three"]]
    assert account.usage.input_tokens == 7
    assert account.usage.cost == pytest.approx(7 * 0.02 / 1e6 if provider is openai else 0)


@pytest.mark.parametrize(("provider", "chat_model", "embedding_model", "dimension"), PROVIDERS)
def test_diagram_is_described_by_chat_model_and_drawn_locally(
    provider: Any, chat_model: str, embedding_model: str, dimension: int, stand_in: StandIn, engine: Engine
) -> None:
    extra = {} if provider is databricks else {"models": ["gpt-image-2"]}
    images = provider.images(chat_models=[chat_model], **extra)
    work = images.draw("A diagram of pump, boiler, chimney", PASSAGES, style="", size="512x512", sample=1)
    picture, account = run_with_account(engine, work)
    assert Image.open(io.BytesIO(picture.content)).size == (512, 512)
    assert picture.answered_by == f"{provider_name(provider)}:{chat_model}, drawn by multichain"
    assert picture.alt_text.startswith("Diagram of A diagram of pump, boiler, chimney: pump with boiler; ")
    assert [path for path, _ in stand_in.script.calls] == ["chat/completions"]
    assert '<passage n="2">\nAzure Databricks is' in stand_in.script.calls[0][1]["messages"][0]["content"]
    assert (account.usage.images, account.usage.output_tokens > 50) == (1, True)


@pytest.mark.parametrize("provider", [openai, azure, compatible])
def test_address_of_another_service_raises_error(provider: Any, engine: Engine, stand_in: StandIn) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT", "COMPATIBLE_BASE_URL"):
            patch.setenv(variable, f"{os.environ['DATABRICKS_HOST']}/wrong")
        with pytest.raises(Exception, match="its address answers, but not as such a service; check it, up to its /v1"):
            engine.run(provider.chat(["gpt-4.1", "gpt-6-luna"]).complete("Hi", "", discard))
        (standing,) = engine.run(provider.list_statuses(["gpt-4o-mini-x"]))
        assert standing.listed is None


@pytest.mark.parametrize("provider", [openai, azure, compatible])
def test_images_api_generates_image_with_requested_settings(provider: Any, stand_in: StandIn, engine: Engine) -> None:
    images = provider.images(["gpt-image-1", "gpt-image-2"], ["gpt-4.1"], quality="low", output_format="jpeg")
    work = images.draw("A futuristic city with flying cars", [], style="", size="1024x1536", sample=1)
    picture, account = run_with_account(engine, work)
    assert Image.open(io.BytesIO(picture.content)).format == "JPEG"
    assert (picture.mime_type, picture.answered_by) == ("image/jpeg", f"{provider_name(provider)}:gpt-image-2")
    assert picture.alt_text == "Picture of: A futuristic city with flying cars"
    body = stand_in.script.calls[1][1]
    assert (body["size"], body["quality"], body["output_format"]) == ("1024x1536", "low", "jpeg")
    assert account.usage.images == 1
    assert account.usage.cost == pytest.approx((9 * 5 + 6144 * 30) / 1e6 if provider is openai else 0)
    model = f"{provider_name(provider)}:gpt-image-1"
    assert account.notes == [f"model_passed_over: {model} does not exist, or no longer exists"]


@pytest.mark.parametrize("provider", [openai, azure, compatible])
def test_responses_api_generates_image_with_chat_model(provider: Any, stand_in: StandIn, engine: Engine) -> None:
    images = provider.images(["gpt-image-2"], ["gpt-4.1"], way="responses")
    picture, account = run_with_account(engine, images.draw("A city", [], style="", size="", sample=1))
    assert (picture.mime_type, picture.answered_by) == ("image/webp", f"{provider_name(provider)}:gpt-4.1")
    assert picture.alt_text == "Picture of: A card that says: A city"
    (path, body), *_ = stand_in.script.calls
    tool = {"type": "image_generation", "quality": "auto", "output_format": "webp", "model": "gpt-image-2"}
    assert (path, body["tools"], body["store"]) == ("responses", [tool], False)
    assert (account.usage.images, account.usage.output_tokens) == (1, 20 + 4096)
    assert account.usage.cost == pytest.approx((2 * 2 + 20 * 8 + 2 * 5 + 4096 * 30) / 1e6 if provider is openai else 0)


def test_responses_api_without_image_model_has_unknown_cost(stand_in: StandIn, engine: Engine) -> None:
    images = openai.images(chat_models=["gpt-4.1"], way="responses")
    _, account = run_with_account(engine, images.draw("A city", [], style="", size="", sample=1))
    assert (account.usage.images, account.usage.cost_known, account.usage.cost > 0) == (1, False, True)


@pytest.mark.parametrize("way", ["images", "responses"])
def test_moderation_refusal_reports_reason_and_cost(way: str, stand_in: StandIn, engine: Engine) -> None:
    images = openai.images(["gpt-image-2"], ["gpt-4.1"], way=way)
    model = "gpt-image-2" if way == "images" else "gpt-4.1"
    with usage.track_usage() as account, pytest.raises(Exception, match="refused") as error:
        engine.run(images.draw("A weapon of my enemy", [], style="", size="", sample=1))
    sentence = f"refused: openai:{model} refused the request (moderation_blocked: violence); rephrase it"
    assert error.value.coded_message == sentence  # type: ignore[attr-defined]
    assert (account.usage.cost > 0) == (way == "responses")
    assert len(stand_in.script.calls) == 1


def test_rejected_size_error_names_size(stand_in: StandIn, engine: Engine) -> None:
    images = openai.images(["gpt-image-2"], way="images")
    with pytest.raises(Exception, match=r"^openai:gpt-image-2 did not take the request \(HTTP 400, for size\)"):
        engine.run(images.draw("A city", [], style="", size="100x100", sample=1))


def test_missing_model_falls_back_with_a_note(stand_in: StandIn, engine: Engine) -> None:
    reply, account = run_with_account(engine, openai.chat(["gpt-4", "gpt-6-luna"]).complete("Hi", "", discard))
    assert reply.answered_by == "openai:gpt-6-luna"
    assert [body["model"] for _, body in stand_in.script.calls] == ["gpt-4", "gpt-6-luna"]
    assert account.notes == ["model_passed_over: openai:gpt-4 does not exist, or no longer exists"]


@pytest.mark.parametrize(("status", "code"), [(403, "forbidden"), (429, "insufficient_quota")])
def test_forbidden_or_exhausted_model_falls_back_at_once(
    status: int, code: str, stand_in: StandIn, engine: Engine
) -> None:
    stand_in.script.faults.append(Fault(status=status, code=code))
    reply = engine.run(openai.chat(["gpt-4.1-mini", "gpt-6-luna"]).complete("Hi", "", discard))
    assert reply.answered_by == "openai:gpt-6-luna"
    assert len(stand_in.script.calls) == 2


def test_without_fallback_only_first_model_is_called(stand_in: StandIn, engine: Engine) -> None:
    with pytest.raises(Exception, match=r"^openai:gpt-4 does not exist, or no longer exists; use another model$"):
        engine.run(openai.chat(["gpt-4", "gpt-6-luna"], fallback=False).complete("Hi", "", discard))
    images = openai.images(["gpt-image-1", "gpt-image-2"], way="images", fallback=False)
    with pytest.raises(Exception, match=r"^openai:gpt-image-1 does not exist"):
        engine.run(images.draw("A city", [], style="", size="", sample=1))
    assert len(stand_in.script.calls) == 2


def test_temperature_is_sent_only_to_models_that_accept_it(stand_in: StandIn, engine: Engine) -> None:
    engine.run(openai.chat(["gpt-4.1"]).complete("Hi", "Be brief.", discard))
    engine.run(openai.chat(["gpt-6-luna"]).complete("Hi", "", discard))
    engine.run(openai.chat(["gpt-4.1"], temperature=0.7).complete("Hi", "", discard))
    assert [body.get("temperature") for _, body in stand_in.script.calls] == [0.0, None, 0.7]
    assert [message["role"] for message in stand_in.script.calls[0][1]["messages"]] == ["system", "user"]


def test_last_passages_beyond_window_are_left_out_with_a_note(stand_in: StandIn, engine: Engine) -> None:
    passages = [Passage.from_text(f"Passage {n} about Databricks. " + "word " * 400, "a.txt") for n in range(9)]
    reply, account = run_with_account(
        engine, openai.chat(["gpt-4.1"], window=2050).answer("Databricks?", passages, discard)
    )
    sent = stand_in.script.calls[0][1]["messages"][0]["content"]
    assert ('n="3">\nPassage 2' in sent, 'n="4">' in sent) == (True, False)
    assert account.notes == [
        "passages_left_out: the last 6 of 9 passages do not fit into the chat model's context window"
    ]
    assert reply.cited <= {0, 1, 2}


def test_window_too_small_for_a_passage_raises_error_before_the_call(stand_in: StandIn, engine: Engine) -> None:
    with pytest.raises(Exception, match=r"^openai:gpt-4.1 cannot read even one passage: its context window is "):
        engine.run(openai.chat(["gpt-4.1"], window=200).answer(QUESTION, PASSAGES, discard))
    assert stand_in.script.calls == []


SMALL = "llama3.3"
"""Model whose window of 8,192 tokens is smaller than that of the first model."""


def test_unused_fallback_with_small_window_leaves_no_passage_out(stand_in: StandIn, engine: Engine) -> None:
    passages = [Passage.from_text(f"Passage {n} about Databricks. " + "word " * 100, "a.txt") for n in range(50)]
    reply, account = run_with_account(engine, openai.chat(["gpt-4.1", SMALL]).answer("Databricks?", passages, discard))
    assert reply.answered_by == "openai:gpt-4.1"
    assert 'n="50">' in stand_in.script.calls[0][1]["messages"][0]["content"]
    assert account.notes == []


def test_unused_fallback_with_small_window_fails_no_answer(stand_in: StandIn, engine: Engine) -> None:
    passages = [Passage.from_text("Databricks is a platform. " + "word " * 5400, "a.txt")]
    reply, account = run_with_account(engine, openai.chat(["gpt-4.1", SMALL]).answer("Databricks?", passages, discard))
    assert (reply.answered_by, reply.cited, account.notes) == ("openai:gpt-4.1", {0}, [])


def test_passages_are_left_out_for_window_of_answering_model(stand_in: StandIn, engine: Engine) -> None:
    passages = [Passage.from_text(f"Passage {n} about Databricks. " + "word " * 1100, "a.txt") for n in range(9)]
    stand_in.script.faults.append(Fault(status=403, code="forbidden"))
    stand_in.script.replies.append("So it is. [5] And so. [6]")
    reply, account = run_with_account(engine, openai.chat(["gpt-4.1", SMALL]).answer("Databricks?", passages, discard))
    first, second = (body["messages"][0]["content"] for _, body in stand_in.script.calls)
    assert ('n="9">' in first, 'n="5">' in second, 'n="6">' in second) == (True, True, False)
    assert (reply.answered_by, reply.text, reply.cited) == (f"openai:{SMALL}", "So it is. [5] And so.", {4})
    assert account.notes == [
        "model_passed_over: openai:gpt-4.1 is not permitted with this key",
        "passages_left_out: the last 4 of 9 passages do not fit into the chat model's context window",
        "false_citation: a sentence cited [6], which is not a passage; the citation was removed",
    ]


def test_citation_of_missing_passage_is_removed_with_a_note(stand_in: StandIn, engine: Engine) -> None:
    stand_in.script.replies.append("So it is. [3] And so. [1]")
    reply, account = run_with_account(engine, openai.chat(["gpt-4.1"]).answer("Databricks?", PASSAGES, discard))
    assert (reply.text, reply.cited) == ("So it is. And so. [1]", {0})
    assert account.notes == ["false_citation: a sentence cited [3], which is not a passage; the citation was removed"]


def test_chat_model_abstains_when_passages_hold_no_answer(stand_in: StandIn, engine: Engine) -> None:
    reply = engine.run(openai.chat(["gpt-4.1"]).answer("Which bird sings?", PASSAGES, discard))
    assert (reply.text, reply.abstained, reply.cited) == (NO_ANSWER, True, frozenset())


def test_invalid_diagram_is_returned_to_chat_model_once(stand_in: StandIn, engine: Engine) -> None:
    stand_in.script.replies.append('{"title": "T", "nodes": [{"id": "a", "label": "A"}], "edges": []}')
    images = openai.images(chat_models=["gpt-4.1"], way="diagram")
    picture = engine.run(images.draw("A diagram of pumps", [], style="", size="", sample=1))
    assert picture.alt_text == "Diagram of A diagram of pumps: pumps with stand-in."
    correction = stand_in.script.calls[1][1]["messages"][0]["content"]
    assert "could not be used: nodes: List should have at least 2 items" in correction
    stand_in.script.replies.extend(["no", "never"])
    with pytest.raises(Exception, match=r"^openai:gpt-4.1 described no diagram that can be drawn"):
        engine.run(images.draw("A diagram of pumps", [], style="", size="", sample=1))


def test_dimensions_setting_shortens_the_vectors(stand_in: StandIn, engine: Engine) -> None:
    assert engine.run(openai.embeddings("text-embedding-3-small", 256).embed(["a"])).shape == (1, 256)


def test_embedding_format_is_base64_for_openai_and_float_for_compatible(stand_in: StandIn, engine: Engine) -> None:
    engine.run(openai.embeddings("text-embedding-3-small").embed(["a"]))
    engine.run(compatible.embeddings("text-embedding-3-small").embed(["a"]))
    assert [body["encoding_format"] for _, body in stand_in.script.calls] == ["base64", "float"]


def test_texts_are_embedded_in_batches_within_limits(stand_in: StandIn, engine: Engine) -> None:
    vectors = engine.run(openai.embeddings("text-embedding-3-small", 8).embed([f"text {n}" for n in range(2100)]))
    assert vectors.shape == (2100, 8)
    assert [len(body["input"]) for _, body in stand_in.script.calls] == [2048, 52]


def test_standings_report_listing_end_date_and_successor(stand_in: StandIn, engine: Engine) -> None:
    assert engine.run(openai.list_statuses(["gpt-4", "gpt-4.1", "gpt-6-luna", "mine"])) == [
        ModelStatus("openai:gpt-4", listed=False, end_date="2026-10-23", successor="gpt-6-luna"),
        ModelStatus("openai:gpt-4.1", listed=True, end_date="2027-01-14", successor="gpt-6-luna"),
        ModelStatus("openai:gpt-6-luna", listed=True),
        ModelStatus("openai:mine", listed=False),
    ]
    assert engine.run(azure.list_statuses(["gpt-4.1"])) == [
        ModelStatus("azure:gpt-4.1", listed=True, end_date="2030-03-17")
    ]
    assert engine.run(databricks.list_statuses(["databricks-gte-large-en", "nope"])) == [
        ModelStatus("databricks:databricks-gte-large-en", listed=True),
        ModelStatus("databricks:nope", listed=False),
    ]


@pytest.mark.parametrize("status", [403, 404])
def test_standing_is_unknown_without_list_of_models(status: int, stand_in: StandIn, engine: Engine) -> None:
    stand_in.script.faults.append(Fault(path="models", status=status))
    assert engine.run(compatible.list_statuses(["any"])) == [ModelStatus("compatible:any")]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"way": "paint", "models": ["a"]}, "way must be one of images, responses, diagram, auto"),
        ({"models": ["a"]}, "the way auto needs chat_models"),
        ({"way": "images"}, "the way images needs models"),
        ({"way": "diagram", "models": ["a"]}, "the way diagram needs chat_models"),
        ({"way": "images", "models": ["a"], "output_format": "gif"}, "output_format must be one of png, jpeg, webp"),
        ({"way": "images", "models": ["a"], "quality": "superb"}, "quality must be one of auto, low, medium, high"),
        ({"way": "images", "models": []}, "models must be a list, such as [a, b], not empty"),
        ({"way": "images", "models": ["a", 5]}, "models must be a list, such as [a, b], not empty"),
        ({"cache": -1}, "cache must be a whole number of at least 0"),
    ],
)
def test_invalid_image_settings_are_explained(settings: dict[str, Any], sentence: str) -> None:
    problems = [problem.message for problem in find_problems(openai.images, settings)]
    if not problems:
        with pytest.raises(ProfileError) as error:
            openai.check_settings("images", settings)
        problems = [str(error.value)]
    assert problems[0].startswith(sentence)


def test_window_and_dimensions_of_0_are_refused() -> None:
    assert [problem.message for problem in find_problems(openai.chat, {"models": ["a"], "window": 0})] == [
        "window must be a whole number of at least 1"
    ]
    assert [problem.message for problem in find_problems(openai.embeddings, {"model": "a", "dimensions": 0})] == [
        "dimensions must be a whole number of at least 1"
    ]


def test_distributions_are_those_of_each_provider() -> None:
    common = {"langchain-openai", "openai", "aiohttp", "tenacity", "pillow"}
    assert openai.find_distributions({"models": ["a"]}) == common
    assert compatible.find_distributions({"chat_models": ["a"]}) == common | {"pygraphviz", "textblob"}
    assert databricks.find_distributions({}) == common | {"databricks-sdk"}
    assert azure.find_distributions({}) == common | {"azure-identity"}


def test_usages_add_up() -> None:
    assert Usage(1, 2, 3, 0.5) + Usage(10, 0, 0, 0.25, cost_known=False, cached=True) == Usage(
        11, 2, 3, 0.75, cost_known=False, cached=True
    )
