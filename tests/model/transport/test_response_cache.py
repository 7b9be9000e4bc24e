"""Response cache: hits, expiry, eviction, several processes, and confidentiality."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from model.contract.events import discard
from model.errors import SettingError
from model.providers.openai import OpenAIProvider
from model.runtime import usage
from model.runtime.event_loop import Engine
from model.transport.rate_limiter import Operation, RateLimits
from model.transport.response_cache import ResponseCache
from standin.app import StandIn

openai = OpenAIProvider()
CHAT, IMAGES = Operation("chat", "openai"), Operation("images", "openai")

QUESTION = "my secret question"
_READER_PROGRAM = """
import sys; from model.transport.response_cache import ResponseCache
from model.transport.rate_limiter import Operation; from model.runtime.event_loop import Engine
async def ask(): return {"text": "anew"}
print(Engine().run(ResponseCache(Operation("chat", "openai"), 60).get_or_call("asked", ask))["text"])
"""


@pytest.fixture(params=["memory", "folder"])
def cache_location(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the cache in memory or in a folder, and return the parent of that folder."""
    if request.param == "folder":
        monkeypatch.setenv("MULTICHAIN_CACHE", str(tmp_path / "cache"))
    return tmp_path


def list_called_paths(stand_in: StandIn) -> list[str]:
    return [path for path, _ in stand_in.script.calls]


def complete_chat(engine: Engine, chat: Any, message: str = QUESTION, tell: Any = discard) -> Any:
    with usage.track_usage() as account:
        return engine.run(chat.complete(message, "", tell)), account.usage


@pytest.mark.usefixtures("cache_location")
def test_cached_chat_reply_costs_nothing_and_is_one_token(stand_in: StandIn, engine: Engine) -> None:
    chat = openai.chat(["gpt-4.1"], cache=60)
    first, first_usage = complete_chat(engine, chat)
    events: list[Any] = []
    second, second_usage = complete_chat(engine, chat, tell=lambda *event: events.append(event))
    assert (second.text, second.answered_by) == (first.text, "openai:gpt-4.1")
    assert events == [("token", first.text)]
    assert (first_usage.cached, first_usage.cost > 0) == (False, True)
    assert (second_usage.cached, second_usage.cost) == (True, 0.0)
    complete_chat(engine, chat, "another")
    complete_chat(engine, openai.chat(["gpt-6-luna"], cache=60))
    assert len(list_called_paths(stand_in)) == 3


def test_cache_is_off_without_cache_setting(stand_in: StandIn, engine: Engine) -> None:
    for _ in range(2):
        complete_chat(engine, openai.chat(["gpt-4.1"]))
        engine.run(openai.images(["gpt-image-2"], way="images").draw("a", [], style="", size="", sample=1))
    assert len(list_called_paths(stand_in)) == 4


def test_cached_reply_is_not_returned_for_other_credentials(
    stand_in: StandIn, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MULTICHAIN_CACHE", str(tmp_path / "cache"))
    chat = openai.chat(["gpt-4.1"], cache=60)
    complete_chat(engine, chat)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-somebody-else")
    with pytest.raises(Exception, match="rejects the key"):
        complete_chat(engine, chat)


@pytest.mark.usefixtures("cache_location")
@pytest.mark.parametrize("way", ["images", "responses"])
def test_cached_image_is_returned_for_same_sample_only(way: str, stand_in: StandIn, engine: Engine) -> None:
    images = openai.images(["gpt-image-2"], ["gpt-4.1"], way=way, output_format="png", cache=60)

    def draw(sample: int) -> Any:
        return engine.run(images.draw("a fox", [], style="", size="", sample=sample))

    first, second = draw(1), draw(1)
    assert first == second
    assert first.content.startswith(b"\x89PNG")
    draw(2)
    assert len(list_called_paths(stand_in)) == 2


@pytest.mark.usefixtures("cache_location")
def test_cache_holds_vectors_of_questions_but_not_of_documents(stand_in: StandIn, engine: Engine) -> None:
    embeddings = openai.embeddings("text-embedding-3-small", 8)
    first = engine.run(embeddings.embed(["one", "two"], question=True))
    second = engine.run(embeddings.embed(["two", "three", "one"], question=True))
    assert second[[2, 0]].tolist() == first.tolist()
    assert [body["input"] for _, body in stand_in.script.calls] == [["one", "two"], ["three"]]
    engine.run(embeddings.embed(["one"]))
    engine.run(openai.embeddings("text-embedding-3-small", 8, cache=0).embed(["one"], question=True))
    assert len(list_called_paths(stand_in)) == 4


def test_failed_call_is_not_cached(engine: Engine) -> None:
    attempts = []

    async def call_model() -> dict[str, Any]:
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("once")
        return {"text": "told"}

    cache = ResponseCache(CHAT, 60)
    with pytest.raises(ValueError, match="once"):
        engine.run(cache.get_or_call("asked", call_model))
    assert engine.run(cache.get_or_call("asked", call_model)) == {"text": "told"}


def test_cached_reply_expires_after_its_lifetime(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    for folder in ("", str(tmp_path / "cache")):
        monkeypatch.setenv("MULTICHAIN_CACHE", folder)
        cache = ResponseCache(CHAT, 1)
        engine.run(cache.put("asked", {"text": "told"}))
        assert engine.run(cache.get("asked")) == {"text": "told"}
        time.sleep(1.1)
        assert engine.run(cache.get("asked")) is None


def test_full_cache_evicts_oldest_entries_and_skips_oversized_ones(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTICHAIN_CACHE_BYTES", "1000")
    cache = ResponseCache(IMAGES, 60)
    for number in range(5):
        engine.run(cache.put(number, {"text": "x" * 300}))
    hits = [engine.run(cache.get(number)) is not None for number in range(5)]
    assert hits == [False, False, True, True, True]
    engine.run(cache.put("large", {"text": "x" * 2000}))
    assert engine.run(cache.get("large")) is None


def test_processes_share_cache_folder(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTICHAIN_CACHE", str(tmp_path / "cache"))
    engine.run(ResponseCache(CHAT, 60).put("asked", {"text": "kept"}))
    process = subprocess.run([sys.executable, "-c", _READER_PROGRAM], capture_output=True, text=True, check=True)
    assert process.stdout == "kept\n"


def test_cache_files_contain_no_question_no_key_and_no_pickle(
    stand_in: StandIn, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTICHAIN_CACHE", str(tmp_path / "cache"))
    complete_chat(engine, openai.chat(["gpt-4.1"], cache=60))
    content = b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert content
    for secret in (QUESTION.encode(), stand_in.key.encode(), b"\x80\x04\x95", b"\x80\x05\x95"):
        assert secret not in content


@pytest.mark.parametrize(("name", "value"), [("MULTICHAIN_CACHE_BYTES", "much"), ("MULTICHAIN_CACHE", "/dev/null/x")])
def test_invalid_cache_settings_raise_setting_error(
    name: str, value: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=name):
        engine.run(ResponseCache(CHAT, 60).get("asked"))


def test_variable_keeps_replies_whatever_the_profile_says(
    stand_in: StandIn, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTICHAIN_CACHE_SECONDS", "60")
    for _ in range(2):
        complete_chat(engine, openai.chat(["gpt-4.1"]))
        engine.run(openai.images(["gpt-image-2"], way="images").draw("a", [], style="", size="", sample=1))
    assert list_called_paths(stand_in) == ["chat/completions", "images/generations"]


@pytest.mark.parametrize("concurrency", [5, 16])
def test_no_more_replies_are_under_way_or_not_kept_yet_than_calls_are_made_at_once(
    concurrency: int, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTICHAIN_CACHE_SECONDS", "60")
    running, peak = 0, 0
    cache = ResponseCache(Operation("chat", "openai", RateLimits(concurrency)))

    async def call() -> dict[str, Any]:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(0.01)
        running -= 1
        return {"text": "kept"}

    async def call_all() -> None:
        await asyncio.gather(*(cache.get_or_call(number, call) for number in range(100)))

    engine.run(call_all())
    assert peak == concurrency
