"""A version in its own process answers in order; a process that fails is reported with its last words."""

import json
import os
import textwrap
from pathlib import Path
from typing import Any

import pytest

from model.errors import CommandError
from training.versions.process import VersionProcess, open_version

DESCRIPTION = {
    "stages": {"qa": {"kind": "retrieval_qa"}},
    "version": "7",
    "model_id": "m-1",
    "metadata": {"fingerprint": "0"},
}
ECHO = "for line in sys.stdin: print(json.dumps(json.loads(line)), flush=True)\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a current folder in which a package ``training`` has a worker that a test writes."""
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "training" / "versions"
    package.mkdir(parents=True)
    for part in (package, package.parent):
        (part / "__init__.py").touch()
    return tmp_path


def write_worker(folder: Path, script: str = ECHO, description: dict[str, Any] | None = None) -> None:
    """Write a worker that prints the description, if there is one, and then runs the script."""
    start = "" if description is None else f"print({json.dumps(description)!r}, flush=True)\n"
    text = "import json, os, sys\n" + start + textwrap.dedent(script)
    (folder / "training" / "versions" / "worker.py").write_text(text, "utf-8")


def answer_with(*replies: Any) -> VersionProcess:
    """Return a version without a process that gives these replies in turn."""
    remaining = list(replies)
    return VersionProcess("models:/a/1", {}, lambda _line: remaining.pop(0))


def test_description_of_the_worker_is_that_of_the_version(folder: Path) -> None:
    write_worker(folder, description=DESCRIPTION | {"floors": {"recall": 0.5}})
    with open_version("models:/a/1") as version:
        assert (version.uri, version.number, version.model_id) == ("models:/a/1", "7", "m-1")
        assert (version.stages, version.floors) == (DESCRIPTION["stages"], {"recall": 0.5})
        assert version.metadata == {"fingerprint": "0"}


@pytest.mark.parametrize("absent", [{}, {"floors": None}])
def test_version_without_floors_and_id_has_empty_ones(absent: dict[str, Any], folder: Path) -> None:
    write_worker(folder, description=DESCRIPTION | {"model_id": None} | absent)
    with open_version("models:/a/1") as version:
        assert (version.floors, version.model_id) == ({}, "")


def test_worker_receives_uri_and_requests_as_one_line(folder: Path) -> None:
    script = "for line in sys.stdin: print(json.dumps([sys.argv[1:], line]), flush=True)\n"
    write_worker(folder, script, DESCRIPTION)
    with open_version("models:/a/1") as version:
        assert version.ask([{"qa": {"question": "Größe\n?"}}, {}]) == [
            ["models:/a/1"],
            '[{"qa": {"question": "Gr\\u00f6\\u00dfe\\n?"}}, {}]\n',
        ]


def test_version_answers_several_times_in_order(folder: Path) -> None:
    write_worker(folder, description=DESCRIPTION)
    with open_version("models:/a/1") as version:
        for number in range(3):
            requests = [{"a": number}, {"b": number}]
            assert version.ask(requests) == requests


def test_process_has_callers_environment_without_the_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTICHAIN_CACHE", "replies.db")
    monkeypatch.setenv("MULTICHAIN_INHERITED", "a")
    monkeypatch.setenv("MULTICHAIN_CHANGED", "b")
    names = ("MULTICHAIN_CACHE", "MULTICHAIN_INHERITED", "MULTICHAIN_CHANGED", "MULTICHAIN_ADDED")
    script = f"for line in sys.stdin: print(json.dumps([[os.environ.get(n) for n in {names!r}]]), flush=True)\n"
    write_worker(folder, script, DESCRIPTION)
    with open_version("models:/a/1", {"MULTICHAIN_CHANGED": "c", "MULTICHAIN_ADDED": "d"}) as version:
        assert version.ask([{}]) == [[None, "a", "c", "d"]]
    assert os.environ["MULTICHAIN_CACHE"] == "replies.db"


def test_cache_that_the_caller_names_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTICHAIN_CACHE", "replies.db")
    script = "for line in sys.stdin: print(json.dumps([os.environ.get('MULTICHAIN_CACHE')]), flush=True)\n"
    write_worker(folder, script, DESCRIPTION)
    with open_version("models:/a/1", {"MULTICHAIN_CACHE": "own.db"}) as version:
        assert version.ask([{}]) == ["own.db"]


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("sys.stderr.write('a warning\\nout of memory\\n\\n'); sys.exit(1)", "out of memory"),
        ("raise ValueError('no such index')", "ValueError: no such index"),
        ("", "no message"),
    ],
)
def test_worker_that_dies_at_the_start_is_reported(script: str, sentence: str, folder: Path) -> None:
    write_worker(folder, script)
    with pytest.raises(CommandError) as refusal, open_version("models:/a/1"):
        pytest.fail("the context was entered")
    assert str(refusal.value) == f"the process of models:/a/1 ended: {sentence}"


def test_worker_that_dies_at_a_request_is_reported(folder: Path) -> None:
    write_worker(folder, "sys.stdin.readline(); sys.exit('killed by a request')", DESCRIPTION)
    with open_version("models:/a/1") as version:
        for _ in range(2):  # the second time its input is closed
            with pytest.raises(CommandError) as refusal:
                version.ask([{}])
            assert str(refusal.value) == "the process of models:/a/1 ended: killed by a request"


def test_error_at_the_start_is_raised_with_the_uri(folder: Path) -> None:
    write_worker(folder, description={"error": "no such model"})
    with pytest.raises(CommandError) as refusal, open_version("models:/a/1"):
        pytest.fail("the context was entered")
    assert str(refusal.value) == "models:/a/1: no such model"


def test_version_answers_after_a_refused_request(folder: Path) -> None:
    script = """
        for line in sys.stdin:
            refusal = {"error": "no question"}
            print(json.dumps(refusal if "bad" in line else json.loads(line)), flush=True)
    """
    write_worker(folder, script, DESCRIPTION)
    with open_version("models:/a/1") as version:
        with pytest.raises(CommandError) as refusal:
            version.ask([{"bad": 1}])
        assert str(refusal.value) == "models:/a/1: no question"
        assert version.ask([{"good": 1}]) == [{"good": 1}]


@pytest.mark.parametrize("is_failing", [False, True])
def test_process_ends_with_the_context(is_failing: bool, folder: Path) -> None:
    """Let the worker ignore the end of its input."""
    write_worker(
        folder, "print(json.dumps([os.getpid()]), flush=True)\nwhile True: sys.stdin.readline()\n", DESCRIPTION
    )
    pids: list[Any] = []

    def ask_in_context() -> None:
        with open_version("models:/a/1") as version:
            pids.extend(version.ask([{}]))
            os.kill(pids[0], 0)
            if is_failing:
                raise OSError("full")

    if is_failing:
        with pytest.raises(OSError, match="full"):
            ask_in_context()
    else:
        ask_in_context()
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_no_request_makes_no_call() -> None:
    assert answer_with().ask([]) == []


@pytest.mark.parametrize("reply", [[], [{}], [{}, {}, {}], {"qa": {}}, "text", None])
def test_another_number_of_responses_is_refused(reply: Any) -> None:
    with pytest.raises(CommandError) as refusal:
        answer_with(reply).ask([{}, {}])
    assert str(refusal.value) == ("models:/a/1 did not return one response per request; run python -m training verify")


@pytest.mark.parametrize(("kind", "name"), [("retrieval_qa", "first"), ("image_generation", "draw"), ("runnable", "")])
def test_stage_is_found_by_its_kind_in_order(kind: str, name: str) -> None:
    stages = {
        "draw": {"kind": "image_generation"},
        "first": {"kind": "retrieval_qa"},
        "second": {"kind": "retrieval_qa"},
    }
    assert VersionProcess("models:/a/1", stages, lambda _line: []).find_stage(kind) == name
