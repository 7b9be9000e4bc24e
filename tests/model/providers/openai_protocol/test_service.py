"""The provider for servers with OpenAI's protocol: addresses, keys, statuses, and settings that reach the calls."""

import asyncio
import time
from typing import Any

import pytest

from model.contract.events import discard
from model.errors import CredentialError, ModelUnavailableError, ProviderUnavailableError
from model.interfaces import ModelStatus
from model.passages import Passage
from model.providers.azure import AzureProvider
from model.providers.compatible import CompatibleProvider
from model.providers.databricks import DatabricksProvider
from model.providers.openai import OpenAIProvider
from model.providers.openai_protocol import service
from model.runtime.event_loop import Engine
from model.transport import retry
from model.transport.rate_limiter import RateLimits
from standin.app import StandIn
from standin.faults import Fault
from standin.openai import models
from standin.openai.models import ModelEntry

azure, compatible, databricks, openai = AzureProvider(), CompatibleProvider(), DatabricksProvider(), OpenAIProvider()
PASSAGES = [Passage.from_text("Foxes eat berries.", "a.txt")]


@pytest.fixture(autouse=True)
def retry_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry without a wait."""
    monkeypatch.setattr(retry, "_BACK_OFF", lambda _: 0.0)


def complete_chat(provider: Any, engine: Engine, message: str = "Hi") -> Any:
    return engine.run(provider.chat(["gpt-4.1"]).complete(message, "", discard))


def draw(generator: Any, engine: Engine, prompt: str = "A diagram of pumps and boilers") -> Any:
    return engine.run(generator.draw(prompt, [], style="", size="", sample=1))


def called_models(stand_in: StandIn) -> list[str]:
    return [body["model"] for _, body in stand_in.script.calls]


@pytest.mark.parametrize(
    ("provider", "variable"),
    [(openai, "OPENAI_BASE_URL"), (compatible, "COMPATIBLE_BASE_URL"), (azure, "AZURE_OPENAI_ENDPOINT")],
)
@pytest.mark.parametrize("address", ["127.0.0.1:9", "ftp://127.0.0.1", "https:127.0.0.1"])
def test_address_without_scheme_raises_error_that_names_the_variable(
    provider: Any, variable: str, address: str, stand_in: StandIn, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, address)
    with pytest.raises(CredentialError) as error:
        complete_chat(provider, engine)
    assert str(error.value) == (
        f"{variable} is not an address; write https://…, or http://… for a server on this machine"
    )
    assert stand_in.script.calls == []


def test_self_hosted_server_needs_no_key(stand_in: StandIn, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMPATIBLE_API_KEY")
    monkeypatch.setattr(stand_in, "key", "none")
    assert complete_chat(compatible, engine).answered_by == "compatible:gpt-4.1"


def test_self_hosted_server_receives_its_key(
    stand_in: StandIn, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "wrong")
    assert complete_chat(compatible, engine).answered_by == "compatible:gpt-4.1"
    monkeypatch.setenv("COMPATIBLE_API_KEY", "wrong")
    with pytest.raises(CredentialError, match=r"^compatible:gpt-4.1 rejects the key"):
        complete_chat(compatible, engine)


def test_changed_key_is_used_for_the_next_call(
    stand_in: StandIn, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete_chat(openai, engine)
    with monkeypatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "wrong")
        with pytest.raises(CredentialError, match=r"^openai:gpt-4.1 rejects the key"):
            complete_chat(openai, engine)
    assert complete_chat(openai, engine).answered_by == "openai:gpt-4.1"


def test_server_that_hangs_beyond_the_timeout_raises_error(
    stand_in: StandIn, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "TIMEOUT", 0.1)
    stand_in.script.latency["chat/completions"] = 2.0
    with pytest.raises(ProviderUnavailableError, match=r"^openai:gpt-4.1 did not answer in time"):
        complete_chat(openai, engine)


def test_headers_of_a_response_delay_the_next_call(stand_in: StandIn, engine: Engine) -> None:
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "300ms"}
    stand_in.script.faults.append(Fault(status=403, code="forbidden", headers=headers))
    started = time.monotonic()
    with pytest.raises(ModelUnavailableError):
        complete_chat(openai, engine)
    complete_chat(openai, engine)
    assert 0.3 <= time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("provider", "model", "encoding"),
    [
        (openai, "text-embedding-3-small", "base64"),
        (azure, "text-embedding-3-small", "base64"),
        (databricks, "databricks-gte-large-en", "base64"),
        (compatible, "text-embedding-3-small", "float"),
    ],
)
def test_whole_vectors_are_requested_by_default(
    provider: Any, model: str, encoding: str, stand_in: StandIn, engine: Engine
) -> None:
    engine.run(provider.embeddings(model).embed(["a"]))
    assert stand_in.script.calls == [("embeddings", {"input": ["a"], "model": model, "encoding_format": encoding})]


@pytest.mark.parametrize(
    ("provider", "temperature", "sent"),
    [(openai, None, 0.0), (openai, 0.0, 0.0), (openai, 0.5, 0.5), (compatible, None, 0.0), (compatible, 0.5, 0.5)],
)
def test_default_temperature_is_0_unless_the_model_takes_none(
    provider: Any, temperature: float | None, sent: float | None, stand_in: StandIn, engine: Engine
) -> None:
    engine.run(provider.chat(["gpt-4.1"], temperature=temperature).complete("Hi", "", discard))
    assert stand_in.script.calls[0][1].get("temperature") == sent


@pytest.mark.parametrize(
    ("model", "settings", "sent"),
    [("gpt-4.1", {}, 2048), ("gpt-4.1", {"max_tokens": 100}, 100), ("gpt-6-luna", {}, None)],
)
def test_reply_is_limited_unless_the_model_thinks(
    model: str, settings: dict[str, Any], sent: int | None, stand_in: StandIn, engine: Engine
) -> None:
    engine.run(openai.chat([model], **settings).complete("Hi", "", discard))
    assert stand_in.script.calls[0][1].get("max_completion_tokens") == sent


def test_parameter_that_a_server_refuses_is_left_out_from_then_on(stand_in: StandIn, engine: Engine) -> None:
    chat = openai.chat(["gpt-6-luna"], temperature=0.5)
    for _ in range(2):
        assert engine.run(chat.complete("Hi", "", discard)).text.startswith("This is the stand-in")
    assert [body.get("temperature") for _, body in stand_in.script.calls] == [0.5, None, None]


@pytest.mark.parametrize("fallback", [True, False])
def test_reranker_falls_back_as_its_setting_says(fallback: bool, stand_in: StandIn, engine: Engine) -> None:
    work = openai.reranker(["gpt-4", "gpt-6-luna"], fallback=fallback).rank("What do foxes eat?", PASSAGES)
    if fallback:
        assert len(engine.run(work)) == 1
    else:
        with pytest.raises(ModelUnavailableError, match=r"^openai:gpt-4 does not exist"):
            engine.run(work)
    assert called_models(stand_in) == ["gpt-4", "gpt-6-luna"][: 1 + fallback]


@pytest.mark.parametrize("fallback", [True, False])
@pytest.mark.parametrize(
    ("provider", "settings"),
    [
        (openai, {"way": "diagram"}),
        (openai, {"way": "auto", "models": ["gpt-image-2"]}),
        (openai, {"way": "responses"}),
        (databricks, {}),
    ],
)
def test_image_falls_back_to_next_chat_model_as_its_setting_says(
    provider: Any, settings: dict[str, Any], fallback: bool, stand_in: StandIn, engine: Engine
) -> None:
    second = "openai-behind-databricks" if provider is databricks else "gpt-4.1"
    generator = provider.images(chat_models=["gpt-4", second], fallback=fallback, **settings)
    if fallback:
        assert draw(generator, engine).answered_by.startswith(f"{provider.name}:{second}")
    else:
        with pytest.raises(ModelUnavailableError, match=rf"^{provider.name}:gpt-4 does not exist"):
            draw(generator, engine)
    assert called_models(stand_in) == ["gpt-4", second][: 1 + fallback]


def test_image_tool_uses_the_first_image_model(stand_in: StandIn, engine: Engine) -> None:
    painters = ["gpt-image-2.6-flare", "gpt-image-2"]
    draw(openai.images(painters, ["gpt-4.1"], way="responses", quality="high"), engine, "A city")
    (tool,) = stand_in.script.calls[0][1]["tools"]
    assert (tool["model"], tool["quality"], tool["output_format"]) == ("gpt-image-2.6-flare", "high", "webp")


@pytest.mark.parametrize(("way", "path"), [("auto", "images/generations"), ("diagram", "chat/completions")])
def test_default_way_chooses_by_the_prompt(way: Any, path: str, stand_in: StandIn, engine: Engine) -> None:
    draw(openai.images(["gpt-image-2"], ["gpt-4.1"], way=way), engine, "A city with cars")
    assert [called_path for called_path, _ in stand_in.script.calls] == [path]


@pytest.mark.parametrize(("cache", "calls"), [(0, 2), (60, 1)])
@pytest.mark.parametrize("way", ["auto", "diagram"])
def test_description_of_a_diagram_is_cached_where_the_cache_is_on(
    way: Any, cache: int, calls: int, stand_in: StandIn, engine: Engine
) -> None:
    generator = openai.images(["gpt-image-2"], ["gpt-4.1"], way=way, cache=cache)
    assert draw(generator, engine) == draw(generator, engine)
    assert len(stand_in.script.calls) == calls


async def run_together(*work: Any) -> None:
    await asyncio.gather(*work)


@pytest.mark.parametrize("provider", [openai, azure, compatible])
def test_reranker_keeps_its_pace(provider: Any, stand_in: StandIn, engine: Engine) -> None:
    stand_in.script.latency["chat/completions"] = 0.02
    reranker = provider.reranker(["gpt-4.1"], pace=RateLimits(concurrency=1))
    engine.run(run_together(*(reranker.rank(f"Question {n}?", PASSAGES) for n in range(3))))
    assert stand_in.script.peak["chat/completions"] == 1


@pytest.mark.parametrize(
    ("provider", "chat_model", "settings"),
    [(openai, "gpt-4.1", {"way": "diagram"}), (databricks, "openai-behind-databricks", {})],
)
def test_diagrams_keep_their_pace(
    provider: Any, chat_model: str, settings: Any, stand_in: StandIn, engine: Engine
) -> None:
    stand_in.script.latency["chat/completions"] = 0.02
    generator = provider.images(chat_models=[chat_model], pace=RateLimits(concurrency=1), **settings)
    prompts = [f"A diagram of {word}" for word in ("pumps", "boilers", "chimneys")]
    engine.run(run_together(*(generator.draw(prompt, [], style="", size="256x256", sample=1) for prompt in prompts)))
    assert stand_in.script.peak["chat/completions"] == 1


def test_status_has_the_end_date_of_the_server_before_the_published_one(
    stand_in: StandIn, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [ModelEntry("gpt-4.1", "chat", "2031-01-02"), ModelEntry("gpt-4.1-mini", "chat")]
    monkeypatch.setattr(models, "MODELS", {entry.name: entry for entry in entries})
    assert engine.run(openai.list_statuses(["gpt-4.1", "gpt-4.1-mini"])) == [
        ModelStatus("openai:gpt-4.1", listed=True, end_date="2031-01-02", successor="gpt-6-luna"),
        ModelStatus("openai:gpt-4.1-mini", listed=True, end_date="2027-01-14", successor="gpt-6-luna"),
    ]


def test_server_with_empty_list_leaves_the_listing_unknown(
    stand_in: StandIn, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "MODELS", {})
    (status,) = engine.run(openai.list_statuses(["gpt-4.1"]))
    assert status == ModelStatus("openai:gpt-4.1", listed=None, end_date="2027-01-14", successor="gpt-6-luna")


def test_statuses_of_no_models_are_empty(stand_in: StandIn, engine: Engine) -> None:
    assert engine.run(openai.list_statuses([])) == []


def test_failing_server_raises_error_instead_of_statuses(stand_in: StandIn, engine: Engine) -> None:
    stand_in.script.faults.extend([Fault(path="models", status=500)] * 5)
    with pytest.raises(ProviderUnavailableError, match=r"^openai is overloaded or failed \(HTTP 500\)"):
        engine.run(openai.list_statuses(["gpt-4.1"]))
    assert not stand_in.script.faults


def test_statuses_with_a_wrong_key_raise_error(
    stand_in: StandIn, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPATIBLE_API_KEY", "wrong")
    with pytest.raises(CredentialError, match=r"^compatible rejects the key"):
        engine.run(compatible.list_statuses(["gpt-4.1"]))


@pytest.mark.parametrize("chat_models", [None, []])
def test_profile_without_diagrams_needs_no_graphviz(chat_models: Any) -> None:
    needed = {"langchain-openai", "openai", "aiohttp", "tenacity", "pillow"}
    assert openai.find_distributions({"chat_models": chat_models}) == needed


@pytest.mark.parametrize("role", ["chat", "embeddings", "reranker"])
def test_lists_of_models_are_checked_for_images_alone(role: str) -> None:
    openai.check_settings(role, {})
    databricks.check_settings("images", {})
