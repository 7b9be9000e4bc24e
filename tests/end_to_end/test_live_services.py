"""The shipped profiles against the stand-in, and the same tests against the real services where their keys are set.

``python -m pytest -m live tests/end_to_end/test_live_services.py`` asks the real ones, which costs a few cents.
"""

import io
import os
from typing import Any

import pytest
from PIL import Image

from model.contract.events import discard
from model.passages import Passage
from model.profile import Profile, make_provider
from model.runtime import usage
from model.runtime.event_loop import Engine
from standin.server import environment_variables
from training.verification.preflight import check_models

NEEDED = {
    "openai": "OPENAI_API_KEY",
    "azure": "AZURE_OPENAI_ENDPOINT",
    "databricks": "DATABRICKS_HOST",
    "compatible": "COMPATIBLE_BASE_URL",
}
"""Profile → the variable that says that there is a real service."""
LIVE = [
    pytest.param((name, True), marks=[pytest.mark.live, pytest.mark.enable_socket], id=f"{name}, live")
    for name in NEEDED
]
STAND_IN = [pytest.param((name, False), id=name) for name in NEEDED]
PASSAGES = [
    Passage.from_text("Azure Databricks is a fast analytics platform based on Apache Spark.", "a.txt"),
    Passage.from_text("FAISS is a library for similarity search, written at Meta.", "b.txt"),
]


@pytest.fixture(params=[*STAND_IN, *LIVE])
def profile(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Profile:
    name, live = request.param
    if not live:
        stand_in, address = request.getfixturevalue("_served")
        stand_in.script.reset()
        for variable, value in environment_variables(address, stand_in.key).items():
            monkeypatch.setenv(variable, value)
    elif not os.environ.get(NEEDED[name]):
        pytest.skip(f"{NEEDED[name]} is not set")
    else:
        for variable in ("HTTPS_PROXY", "HTTP_PROXY"):
            monkeypatch.delenv(variable, raising=False)
    return Profile.read(name)


def provider(profile: Profile, stage: str, role: str) -> Any:
    return make_provider(profile.stages[stage][role], role)


def test_a_question_is_answered_with_its_passage(profile: Profile) -> None:
    with usage.track_usage() as used:
        reply = Engine().run(provider(profile, "qa", "chat").answer("What is FAISS?", PASSAGES, discard))
    assert "similarity search" in reply.text
    assert (reply.cited, reply.abstained) == ({1}, False)
    assert used.usage.input_tokens > 20
    assert reply.answered_by.startswith(f"{profile.name}:")


def test_what_the_passages_do_not_hold_is_not_answered(profile: Profile) -> None:
    reply = Engine().run(provider(profile, "qa", "chat").answer("Who painted Guernica?", PASSAGES, discard))
    assert (reply.abstained, reply.cited) == (True, frozenset())


def test_a_reply_is_streamed(profile: Profile) -> None:
    told: list[Any] = []
    chat = provider(profile, "qa", "chat")
    reply = Engine().run(chat.answer("What is FAISS?", PASSAGES, lambda *event: told.append(event)))
    assert len(told) > 2
    assert "similarity search" in reply.text


def test_like_texts_have_like_vectors(profile: Profile) -> None:
    work = profile.make_embedder().embed(
        ["a fast analytics platform", "a platform for fast analytics", "my cat sleeps"]
    )
    one, other, third = Engine().run(work)
    assert one @ other > one @ third


def test_a_diagram_is_drawn(profile: Profile) -> None:
    images = provider(profile, "image_generation", "images")
    drawn = images.draw("A conceptual diagram of FAISS in use", PASSAGES, style="", size="", sample=1)
    picture = Engine().run(drawn)
    assert Image.open(io.BytesIO(picture.content)).size == (1536, 864)
    assert picture.answered_by.endswith("drawn by multichain")


def test_a_picture_is_drawn(profile: Profile) -> None:
    if not profile.stages["image_generation"]["images"].get("models"):
        pytest.skip("this profile draws diagrams alone")
    images = provider(profile, "image_generation", "images")
    picture = Engine().run(images.draw("A futuristic city with flying cars", [], style="", size="", sample=1))
    assert min(Image.open(io.BytesIO(picture.content)).size) >= 512


def test_preflight_finds_it_ready(profile: Profile) -> None:
    report = check_models(profile)
    assert [finding.message for finding in report.findings if finding.level == "fail"] == []


def test_a_key_that_is_wrong_is_told(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "DATABRICKS_TOKEN", "COMPATIBLE_API_KEY"):
        monkeypatch.setenv(name, "wrong")
    with pytest.raises(Exception, match="rejects the key"):
        Engine().run(provider(profile, "qa", "chat").complete("Hi", "", discard))
