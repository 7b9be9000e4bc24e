"""Findings of preflight on a profile's models, and the calls that preflight makes."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from model.profile import Profile
from model.retrieval.local.index import Index
from model.transport import retry
from standin.app import StandIn
from standin.faults import Fault
from tests.fixtures import EXERCISE
from tests.odd_server import CHAT, EMBEDDINGS, Answer, Body, chat_as_usual, embed_as_usual, refuse, run_odd_server
from training.indexing.build import build_index
from training.verification.preflight import PreflightFinding, check_models

TODAY = date(2026, 11, 24)
HEAD = """\
embeddings: {provider: openai, model: text-embedding-3-small}
index: {chunk_size: 800, overlap: 80, language: english}
stages:
"""
QA = "  qa: {{kind: retrieval_qa, chat: {{provider: {0}, models: [{1}]{2}}}}}\n"


def read_profile(tmp_path: Path, stages: str, head: str = HEAD) -> Profile:
    file = tmp_path / "mine.yaml"
    file.write_text(head + stages, "utf-8")
    return Profile.read(str(file))


def test_openai_profile_gives_findings_for_each_model(stand_in: StandIn) -> None:
    report = check_models(Profile.read("openai"), today=TODAY)
    assert report.findings == [
        PreflightFinding("ok", "openai:text-embedding-3-small (the index)"),
        PreflightFinding("ok", "openai:text-embedding-3-small (the index) embeds in 1536 dimensions"),
        PreflightFinding(
            "warn",
            "openai:gpt-4.1 (qa, image_generation) ends on 2027-01-14, in 51 days; gpt-6-luna replaces it",
        ),
        PreflightFinding("ok", "openai:gpt-6-luna (qa, image_generation)"),
        PreflightFinding("ok", "openai:gpt-4.1 answers (qa)"),
        PreflightFinding("ok", "openai:gpt-image-2 (image_generation)"),
        PreflightFinding("ok", "openai:gpt-image-2.6-flare (image_generation)"),
    ]
    assert (report.has_failed, report.end_dates) == (False, {"openai:gpt-4.1": "2027-01-14"})
    assert [path for path, _ in stand_in.script.calls] == ["embeddings", "chat/completions"]


@pytest.mark.parametrize("name", ["azure", "databricks"])
def test_shipped_profile_gives_only_ok_findings(name: str, stand_in: StandIn) -> None:
    report = check_models(Profile.read(name), today=TODAY)
    assert {finding.level for finding in report.findings} == {"ok"}
    assert {path for path, _ in stand_in.script.calls} == {"embeddings", "chat/completions"}


def test_offline_profile_is_checked_for_its_embedding_only(index_folder: Path) -> None:
    report = check_models(Profile.read("offline"), Index.open(index_folder))
    sentence = "offline:char_wb-3-5-2048 (the index) embeds in 2048 dimensions, as in the index"
    assert report.findings == [PreflightFinding("ok", sentence)]


def test_list_with_one_ended_model_gives_a_warning(stand_in: StandIn, tmp_path: Path) -> None:
    report = check_models(read_profile(tmp_path, QA.format("openai", "gpt-4, gpt-6-luna", "")), today=TODAY)
    findings = [finding for finding in report.findings if "(qa)" in finding.message]
    assert findings == [
        PreflightFinding("warn", "openai:gpt-4 (qa) ended on 2026-10-23; gpt-6-luna replaces it"),
        PreflightFinding("ok", "openai:gpt-6-luna (qa)"),
        PreflightFinding("ok", "openai:gpt-6-luna answers (qa)"),
    ]
    assert not report.has_failed


@pytest.mark.parametrize(
    ("models", "settings", "sentence"),
    [
        ("gpt-4, gpt-4-turbo", "", "qa: every model in models has ended; name another model"),
        (
            "gpt-4, gpt-6-luna",
            ", fallback: off",
            "qa: gpt-4 has ended, and fallback: off allows no other; name another model",
        ),
    ],
)
def test_list_without_usable_model_fails(
    models: str, settings: str, sentence: str, stand_in: StandIn, tmp_path: Path
) -> None:
    report = check_models(read_profile(tmp_path, QA.format("openai", models, settings)), today=TODAY)
    assert PreflightFinding("fail", sentence) in report.findings
    assert report.has_failed


def test_model_missing_from_the_list_warns_and_its_call_fails(stand_in: StandIn, tmp_path: Path) -> None:
    report = check_models(read_profile(tmp_path, QA.format("openai", "gpt-mine", "")), today=TODAY)
    warning = "openai:gpt-mine (qa) is not in the server's list of models"
    assert PreflightFinding("warn", warning) in report.findings
    failure = "qa: openai:gpt-mine does not exist, or no longer exists; use another model"
    assert report.findings[-1] == PreflightFinding("fail", failure)


def test_server_without_model_list_does_not_fail(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.script.faults.extend([Fault(path="models", status=404)] * 2)
    head = HEAD.replace("provider: openai", "provider: compatible")
    report = check_models(read_profile(tmp_path, QA.format("compatible", "gpt-6-luna", ""), head), today=TODAY)
    assert PreflightFinding("ok", "compatible:gpt-6-luna (qa): the server has no list of models") in report.findings
    assert not report.has_failed


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault(path="models", status=401), "rejects the key"),
        (Fault(path="embeddings", status=403), "openai:text-embedding-3-small is not permitted with this key"),
        (Fault(path="chat/completions", status=400, code="x"), "did not take the request (HTTP 400)"),
    ],
)
def test_failing_call_gives_one_finding_of_level_fail(fault: Fault, sentence: str, stand_in: StandIn) -> None:
    stand_in.script.faults.append(fault)
    report = check_models(Profile.read("openai"), today=TODAY)
    assert [finding.level for finding in report.findings if sentence in finding.message] == ["fail"]


def test_index_of_another_embedding_fails(stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    profile = read_profile(tmp_path, QA.format("openai", "gpt-6-luna", ""))
    index = Index.open(build_index(profile, [EXERCISE], tmp_path / "index", lambda _done, _total: None).folder)
    match = "openai:text-embedding-3-small (the index) embeds in 1536 dimensions, as in the index"
    assert PreflightFinding("ok", match) in check_models(profile, index, TODAY).findings
    shorter = HEAD.replace("-small}", "-small, dimensions: 256}")
    report = check_models(read_profile(tmp_path, QA.format("openai", "gpt-6-luna", ""), shorter), index, TODAY)
    mismatch = "openai:text-embedding-3-small (the index) embeds in 256 dimensions, and the index has 1536, built with "
    remedy = "openai:text-embedding-3-small; build the index again, or use that model"
    assert PreflightFinding("fail", mismatch + remedy) in report.findings
    index.manifest.embedding["fingerprint"] = index.manifest.embedding["fingerprint"][::-1]
    changed_vectors = "openai:text-embedding-3-small (the index) returns other vectors than those in the index"
    assert (
        PreflightFinding("fail", f"{changed_vectors}; build the index again")
        in check_models(profile, index, TODAY).findings
    )


def test_preflight_command_fails_on_a_rejected_key(stand_in: StandIn, run: Any, tmp_path: Path) -> None:
    preflight = run("training", "preflight", "--profile", "openai")
    assert (preflight.returncode, preflight.stdout.splitlines()[-1]) == (0, "Ready")
    assert "ok    openai:gpt-image-2 (image_generation)" in preflight.stdout
    rejected_preflight = run("training", "preflight", "--profile", "openai", OPENAI_API_KEY="sk-bad")
    assert rejected_preflight.returncode == 1
    assert "fail  qa: openai rejects the key" in rejected_preflight.stdout
    assert "Error: preflight failed" in rejected_preflight.stderr
    rejected_run = run("training", "run", "--profile", "openai", OPENAI_API_KEY="sk-bad")
    assert rejected_run.returncode == 1
    assert not (tmp_path / "index").exists()


def check_odd_server(answers: Mapping[str, Answer], tmp_path: Path, embedding: str = "") -> list[PreflightFinding]:
    """Return the findings on a profile of an own server that gives these answers."""
    head = HEAD.replace("openai, model: text-embedding-3-small", "compatible, model: e" + embedding)
    with run_odd_server(answers):
        return check_models(read_profile(tmp_path, QA.format("compatible", "m", ""), head)).findings


def test_preflight_finds_the_largest_batch_and_what_a_server_refuses(tmp_path: Path) -> None:
    def embed(body: Body) -> tuple[int, Body] | None:
        return refuse("batch size > 32", 422) if len(body["input"]) > 32 else None

    def chat(body: Body) -> tuple[int, Body] | None:
        return refuse("Unrecognized request argument supplied: stream_options") if "stream_options" in body else None

    findings = check_odd_server({EMBEDDINGS: embed, CHAT: chat}, tmp_path)
    assert findings[-2:] == [
        PreflightFinding("ok", "compatible:e takes 32 texts in a call"),
        PreflightFinding("ok", "compatible:m refuses stream_options, which is left out"),
    ]


def test_preflight_warns_of_vectors_that_the_server_does_not_shorten(tmp_path: Path) -> None:
    def embed(body: Body) -> tuple[int, Body] | None:
        return refuse("dimensions is not supported") if "dimensions" in body else None

    findings = check_odd_server({EMBEDDINGS: embed}, tmp_path, ", dimensions: 4")
    assert (
        PreflightFinding(
            "warn",
            "compatible:e (the index) embeds in 8 dimensions, not in 4; set dimensions to 8, or leave the setting out",
        )
        in findings
    )


def test_preflight_compares_with_the_index_although_the_dimensions_are_not_as_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    head = HEAD.replace("openai, model: text-embedding-3-small", "compatible, model: e, dimensions: 4")
    profile = read_profile(tmp_path, QA.format("compatible", "m", ""), head)
    with run_odd_server():
        build_index(profile, [EXERCISE], tmp_path / "index", lambda _done, _total: None)
    with run_odd_server({EMBEDDINGS: lambda body: (200, embed_as_usual({"input": body["input"]}))}):
        report = check_models(profile, Index.open(tmp_path / "index"))
    assert [finding.level for finding in report.findings if "embeds in 8 dimensions" in finding.message] == [
        "warn",
        "fail",
    ]


def test_preflight_warns_of_a_server_that_does_not_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_BACK_OFF", lambda _: 0.0)
    answers = {CHAT: lambda body: (200, chat_as_usual()) if body.get("stream") else None}
    sentence = "compatible:m answers, but not as a stream (qa): "
    findings = [finding for finding in check_odd_server(answers, tmp_path) if sentence in finding.message]
    assert [finding.level for finding in findings] == ["warn"]
