"""The provider ``compatible`` against a third-party server (aimock, from the npm registry)."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from model.contract.events import discard
from model.passages import Passage
from model.providers.compatible import CompatibleProvider
from model.providers.openai import OpenAIProvider
from model.runtime import usage
from model.runtime.event_loop import Engine
from tests.fixtures import ROOT

compatible, openai = CompatibleProvider(), OpenAIProvider()

SERVER = ROOT / "node_modules" / ".bin" / "llmock"
PASSAGES = [Passage.from_text("Azure Databricks is a platform.", "a.txt")]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    if not SERVER.is_file() or not shutil.which("node"):
        if os.environ.get("CI"):
            pytest.fail("make test installs aimock with npm, and CI must have it")
        pytest.skip("aimock is not installed; make test installs it where there is npm")
    command = [
        str(SERVER),
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--fixtures",
        str(ROOT / "tests" / "end_to_end" / "aimock.json"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        yield next(match[0] for line in lines if (match := re.search(r"http://127\.0\.0\.1:\d+", line)))
        process.terminate()


@pytest.fixture
def _server_variables(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COMPATIBLE", "OPENAI"):
        monkeypatch.setenv(f"{name}_BASE_URL", f"{address}/v1")
        monkeypatch.setenv(f"{name}_API_KEY", "any")


@pytest.mark.usefixtures("_server_variables")
@pytest.mark.parametrize("provider", [compatible, openai])
@pytest.mark.parametrize("is_streamed", [False, True])
def test_chat_answers_and_removes_a_false_citation(provider: Any, is_streamed: bool, engine: Engine) -> None:
    events: list[Any] = []
    emit = (lambda *event: events.append(event)) if is_streamed else discard
    with usage.track_usage() as record:
        reply = engine.run(provider.chat(["any"]).answer("What is it?", PASSAGES, emit))
    assert (reply.text, reply.cited) == ("It is a platform. [1]", {0})
    assert "".join(text for _, text in events) == "It is a platform. [1] [7]" * is_streamed
    assert (record.usage.output_tokens > 0, record.usage.cost_known) == (True, False)
    assert record.notes == ["false_citation: a sentence cited [7], which is not a passage; the citation was removed"]


@pytest.mark.usefixtures("_server_variables")
def test_embeddings_are_equal_for_equal_texts_only(engine: Engine) -> None:
    vectors = engine.run(compatible.embeddings("any", 16).embed(["one", "two", "one"]))
    assert vectors.shape == (3, 16)
    assert vectors[0].tolist() == vectors[2].tolist() != vectors[1].tolist()


@pytest.mark.usefixtures("_server_variables")
def test_image_is_png_with_the_name_of_its_model(engine: Engine) -> None:
    images = compatible.images(["any"], way="images", output_format="png")
    picture = engine.run(images.draw("A city", [], style="", size="", sample=1))
    assert (picture.content[:4], picture.answered_by) == (b"\x89PNG", "compatible:any")


@pytest.mark.usefixtures("_server_variables")
def test_status_lists_the_model_of_the_server(engine: Engine) -> None:
    (status,) = engine.run(compatible.list_statuses(["gpt-4o"]))
    assert (status.name, status.listed) == ("compatible:gpt-4o", True)


def test_versions_of_the_npm_registry_are_pinned() -> None:
    package = json.loads(Path(ROOT / "package.json").read_text("utf-8"))
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["devDependencies"].values())
