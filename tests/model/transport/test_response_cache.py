"""Kept answers: who gets them, for how long, how many, from several processes, and that they tell no secret."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from model.contract.events import discard
from model.errors import SettingError
from model.providers import openai
from model.runtime import usage
from model.runtime.event_loop import Engine
from model.transport.response_cache import ResponseCache
from standin.app import StandIn

ASKED = "my secret question"
_OTHER = """
import sys; from model.transport.response_cache import ResponseCache; from model.runtime.event_loop import Engine
async def ask(): return {"text": "anew"}
print(Engine().run(ResponseCache("chat", 60).get_or_call("asked", ask))["text"])
"""


@pytest.fixture(params=["memory", "folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "folder":
        monkeypatch.setenv("MULTICHAIN_CACHE", str(tmp_path / "cache"))
    return tmp_path


def paths(stand_in: StandIn) -> list[str]:
    return [path for path, _ in stand_in.script.calls]


def complete(engine: Engine, chat: Any, message: str = ASKED, tell: Any = discard) -> Any:
    with usage.track_usage() as used:
        return engine.run(chat.complete(message, "", tell)), used.usage


@pytest.mark.usefixtures("place")
def test_a_chat_that_is_kept_is_not_paid_again(stand_in: StandIn, engine: Engine) -> None:
    chat = openai.chat(["gpt-4.1"], cache=60)
    first, paid = complete(engine, chat)
    told: list[Any] = []
    second, free = complete(engine, chat, tell=lambda *event: told.append(event))
    assert (second.text, second.answered_by) == (first.text, "openai:gpt-4.1")
    assert told == [("token", first.text)]
    assert (paid.cached, paid.cost > 0, free.cached, free.cost) == (False, True, True, 0.0)
    complete(engine, chat, "another")
    complete(engine, openai.chat(["gpt-6-luna"], cache=60))
    assert len(paths(stand_in)) == 3


def test_it_is_off_unless_a_profile_says_so(stand_in: StandIn, engine: Engine) -> None:
    for _ in range(2):
        complete(engine, openai.chat(["gpt-4.1"]))
        engine.run(openai.images(["gpt-image-2"], way="images").draw("a", [], style="", size="", sample=1))
    assert len(paths(stand_in)) == 4


def test_other_credentials_get_nothing(
    stand_in: StandIn, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MULTICHAIN_CACHE", str(tmp_path / "cache"))
    chat = openai.chat(["gpt-4.1"], cache=60)
    complete(engine, chat)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-somebody-else")
    with pytest.raises(Exception, match="rejects the key"):
        complete(engine, chat)


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("way", ["images", "responses"])
def test_pictures(way: str, stand_in: StandIn, engine: Engine) -> None:
    images = openai.images(["gpt-image-2"], ["gpt-4.1"], way=way, output_format="png", cache=60)

    def draw(sample: int) -> Any:
        return engine.run(images.draw("a fox", [], style="", size="", sample=sample))

    first, second = draw(1), draw(1)
    assert first == second
    assert first.content.startswith(b"\x89PNG")
    draw(2)
    assert len(paths(stand_in)) == 2


@pytest.mark.usefixtures("place")
def test_vectors_of_questions_are_kept_and_those_of_documents_are_a_builds(stand_in: StandIn, engine: Engine) -> None:
    made = openai.embeddings("text-embedding-3-small", 8)
    first = engine.run(made.embed(["one", "two"], question=True))
    second = engine.run(made.embed(["two", "three", "one"], question=True))
    assert second[[2, 0]].tolist() == first.tolist()
    assert [body["input"] for _, body in stand_in.script.calls] == [["one", "two"], ["three"]]
    engine.run(made.embed(["one"]))
    engine.run(openai.embeddings("text-embedding-3-small", 8, cache=0).embed(["one"], question=True))
    assert len(paths(stand_in)) == 4


def test_a_failure_is_not_kept(engine: Engine) -> None:
    tries = []

    async def ask() -> dict[str, Any]:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("once")
        return {"text": "told"}

    cache = ResponseCache("chat", 60)
    with pytest.raises(ValueError, match="once"):
        engine.run(cache.get_or_call("asked", ask))
    assert engine.run(cache.get_or_call("asked", ask)) == {"text": "told"}


def test_it_ends(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    for folder in ("", str(tmp_path / "cache")):
        monkeypatch.setenv("MULTICHAIN_CACHE", folder)
        cache = ResponseCache("chat", 1)
        engine.run(cache.put("asked", {"text": "told"}))
        assert engine.run(cache.get("asked")) == {"text": "told"}
        time.sleep(1.1)
        assert engine.run(cache.get("asked")) is None


def test_what_was_not_used_longest_goes_first(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTICHAIN_CACHE_BYTES", "1000")
    cache = ResponseCache("images", 60)
    for number in range(5):
        engine.run(cache.put(number, {"text": "x" * 300}))
    found = [engine.run(cache.get(number)) is not None for number in range(5)]
    assert found == [False, False, True, True, True]
    engine.run(cache.put("large", {"text": "x" * 2000}))
    assert engine.run(cache.get("large")) is None


def test_several_processes_share_a_folder(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTICHAIN_CACHE", str(tmp_path / "cache"))
    engine.run(ResponseCache("chat", 60).put("asked", {"text": "kept"}))
    done = subprocess.run([sys.executable, "-c", _OTHER], capture_output=True, text=True, check=True)
    assert done.stdout == "kept\n"


def test_nothing_can_be_read_from_its_names_and_no_pickle_is_in_it(
    stand_in: StandIn, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTICHAIN_CACHE", str(tmp_path / "cache"))
    complete(engine, openai.chat(["gpt-4.1"], cache=60))
    content = b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert content
    for secret in (ASKED.encode(), stand_in.key.encode(), b"\x80\x04\x95", b"\x80\x05\x95"):
        assert secret not in content


@pytest.mark.parametrize(("name", "value"), [("MULTICHAIN_CACHE_BYTES", "much"), ("MULTICHAIN_CACHE", "/dev/null/x")])
def test_settings_that_cannot_be_used(name: str, value: str, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=name):
        engine.run(ResponseCache("chat", 60).get("asked"))
