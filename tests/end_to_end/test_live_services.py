"""The shipped profiles against the stand-in, and against the real services when their keys are set.

``python -m pytest -m live tests/end_to_end/test_live_services.py`` calls the real services, which costs a few cents.
"""

import io
import os
from typing import Any

import pytest
from PIL import Image

from model.contract.events import discard
from model.passages import Passage
from model.profile import Profile
from model.providers import make_provider
from model.runtime import usage
from model.runtime.event_loop import Engine
from standin.server import environment_variables
from training.verification.preflight import check_models

SERVICE_VARIABLES = {
    "openai": "OPENAI_API_KEY",
    "azure": "AZURE_OPENAI_ENDPOINT",
    "databricks": "DATABRICKS_HOST",
    "compatible": "COMPATIBLE_BASE_URL",
}
"""Profile → environment variable of its real service."""
LIVE = [
    pytest.param((name, True), marks=[pytest.mark.live, pytest.mark.enable_socket], id=f"{name}, live")
    for name in SERVICE_VARIABLES
]
STAND_IN = [pytest.param((name, False), id=name) for name in SERVICE_VARIABLES]
PASSAGES = [
    Passage.from_text("Azure Databricks is a fast analytics platform based on Apache Spark.", "a.txt"),
    Passage.from_text("FAISS is a library for similarity search, written at Meta.", "b.txt"),
]


@pytest.fixture(params=[*STAND_IN, *LIVE])
def profile(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Profile:
    name, is_live = request.param
    if not is_live:
        stand_in, address = request.getfixturevalue("_running_stand_in")
        stand_in.script.reset()
        for variable, value in environment_variables(address, stand_in.key).items():
            monkeypatch.setenv(variable, value)
    elif not os.environ.get(SERVICE_VARIABLES[name]):
        pytest.skip(f"{SERVICE_VARIABLES[name]} is not set")
    else:
        for variable in ("HTTPS_PROXY", "HTTP_PROXY"):
            monkeypatch.delenv(variable, raising=False)
    return Profile.read(name)


def make_role_provider(profile: Profile, stage: str, role: str) -> Any:
    """Return the provider that the profile names for a role of a stage."""
    return make_provider(profile.stages[stage][role], role)


def test_answer_cites_the_passage_that_contains_it(profile: Profile) -> None:
    with usage.track_usage() as record:
        reply = Engine().run(make_role_provider(profile, "qa", "chat").answer("What is FAISS?", PASSAGES, discard))
    assert "similarity search" in reply.text
    assert (reply.cited, reply.abstained) == ({1}, False)
    assert record.usage.input_tokens > 20
    assert reply.answered_by.startswith(f"{profile.name}:")


def test_answer_abstains_when_the_passages_do_not_contain_it(profile: Profile) -> None:
    reply = Engine().run(make_role_provider(profile, "qa", "chat").answer("Who painted Guernica?", PASSAGES, discard))
    assert (reply.abstained, reply.cited) == (True, frozenset())


def test_reply_is_streamed_in_several_events(profile: Profile) -> None:
    events: list[Any] = []
    chat = make_role_provider(profile, "qa", "chat")
    reply = Engine().run(chat.answer("What is FAISS?", PASSAGES, lambda *event: events.append(event)))
    assert len(events) > 2
    assert "similarity search" in reply.text


def test_similar_texts_have_nearer_vectors_than_different_texts(profile: Profile) -> None:
    work = profile.make_embedder().embed(
        ["a fast analytics platform", "a platform for fast analytics", "my cat sleeps"]
    )
    vector, similar, different = Engine().run(work)
    assert vector @ similar > vector @ different


def test_prompt_for_a_diagram_gives_a_diagram_drawn_locally(profile: Profile) -> None:
    images = make_role_provider(profile, "image_generation", "images")
    drawing = images.draw("A conceptual diagram of FAISS in use", PASSAGES, style="", size="", sample=1)
    picture = Engine().run(drawing)
    assert Image.open(io.BytesIO(picture.content)).size == (1536, 864)
    assert picture.answered_by.endswith("drawn by multichain")


def test_prompt_for_a_scene_gives_a_picture_of_512_pixels_or_more(profile: Profile) -> None:
    if not profile.stages["image_generation"]["images"].get("models"):
        pytest.skip("this profile draws diagrams alone")
    images = make_role_provider(profile, "image_generation", "images")
    picture = Engine().run(images.draw("A futuristic city with flying cars", [], style="", size="", sample=1))
    assert min(Image.open(io.BytesIO(picture.content)).size) >= 512


def test_preflight_finds_no_failure(profile: Profile) -> None:
    report = check_models(profile)
    assert [finding.message for finding in report.findings if finding.level == "fail"] == []


def test_wrong_key_raises_an_error_about_the_key(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "DATABRICKS_TOKEN", "COMPATIBLE_API_KEY"):
        monkeypatch.setenv(name, "wrong")
    with pytest.raises(Exception, match="rejects the key"):
        Engine().run(make_role_provider(profile, "qa", "chat").complete("Hi", "", discard))
