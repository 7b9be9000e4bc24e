"""Before anything is paid: what is found out about a profile's models, and what is never asked."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from model.profile import Profile
from model.retrieval.local.index import Index
from standin.app import StandIn
from standin.faults import Fault
from tests.fixtures import EXERCISE
from training.indexing.build import build_index
from training.verification.preflight import PreflightFinding, check_models

TODAY = date(2026, 11, 24)
HEAD = """\
embeddings: {provider: openai, model: text-embedding-3-small}
index: {chunk_size: 800, overlap: 80, language: english}
stages:
"""
QA = "  qa: {{kind: retrieval_qa, chat: {{provider: {0}, models: [{1}]{2}}}}}\n"


def profile(tmp_path: Path, stages: str, head: str = HEAD) -> Profile:
    file = tmp_path / "mine.yaml"
    file.write_text(head + stages, "utf-8")
    return Profile.read(str(file))


def test_the_shipped_profile(stand_in: StandIn) -> None:
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
def test_other_shipped_profiles(name: str, stand_in: StandIn) -> None:
    report = check_models(Profile.read(name), today=TODAY)
    assert {finding.level for finding in report.findings} == {"ok"}
    assert {path for path, _ in stand_in.script.calls} == {"embeddings", "chat/completions"}


def test_nothing_is_to_be_checked_offline_but_the_embedding(index_folder: Path) -> None:
    report = check_models(Profile.read("offline"), Index.open(index_folder))
    sentence = "offline:char_wb-3-5-2048 (the index) embeds in 2048 dimensions, as in the index"
    assert report.findings == [PreflightFinding("ok", sentence)]


def test_a_list_of_which_one_is_gone_is_a_warning(stand_in: StandIn, tmp_path: Path) -> None:
    report = check_models(profile(tmp_path, QA.format("openai", "gpt-4, gpt-6-luna", "")), today=TODAY)
    told = [finding for finding in report.findings if "(qa)" in finding.message]
    assert told == [
        PreflightFinding("warn", "openai:gpt-4 (qa) ended on 2026-10-23; gpt-6-luna replaces it"),
        PreflightFinding("ok", "openai:gpt-6-luna (qa)"),
        PreflightFinding("ok", "openai:gpt-6-luna answers (qa)"),
    ]
    assert not report.has_failed


@pytest.mark.parametrize(
    ("models", "more", "sentence"),
    [
        ("gpt-4, gpt-4-turbo", "", "qa: every model in models has ended; name another model"),
        (
            "gpt-4, gpt-6-luna",
            ", fallback: off",
            "qa: gpt-4 has ended, and fallback: off allows no other; name another model",
        ),
    ],
)
def test_a_list_of_which_none_is_left_fails(
    models: str, more: str, sentence: str, stand_in: StandIn, tmp_path: Path
) -> None:
    report = check_models(profile(tmp_path, QA.format("openai", models, more)), today=TODAY)
    assert PreflightFinding("fail", sentence) in report.findings
    assert report.has_failed


def test_a_model_that_the_server_does_not_show_is_unknown_and_the_call_tells(stand_in: StandIn, tmp_path: Path) -> None:
    report = check_models(profile(tmp_path, QA.format("openai", "gpt-mine", "")), today=TODAY)
    unknown = "openai:gpt-mine (qa) is not in the server's list of models"
    assert PreflightFinding("warn", unknown) in report.findings
    gone = "qa: openai:gpt-mine is not there, or no longer; name another model"
    assert report.findings[-1] == PreflightFinding("fail", gone)


def test_a_server_without_a_list_is_unknown_not_dead(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.script.faults.extend([Fault(path="models", status=404)] * 2)
    head = HEAD.replace("provider: openai", "provider: compatible")
    report = check_models(profile(tmp_path, QA.format("compatible", "gpt-6-luna", ""), head), today=TODAY)
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
def test_what_does_not_work_fails(fault: Fault, sentence: str, stand_in: StandIn) -> None:
    stand_in.script.faults.append(fault)
    report = check_models(Profile.read("openai"), today=TODAY)
    assert [finding.level for finding in report.findings if sentence in finding.message] == ["fail"]


def test_an_index_of_other_vectors_fails(stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = profile(tmp_path, QA.format("openai", "gpt-6-luna", ""))
    index = Index.open(build_index(made, [EXERCISE], tmp_path / "index", lambda _done, _total: None).folder)
    same = "openai:text-embedding-3-small (the index) embeds in 1536 dimensions, as in the index"
    assert PreflightFinding("ok", same) in check_models(made, index, TODAY).findings
    shorter = HEAD.replace("-small}", "-small, dimensions: 256}")
    report = check_models(profile(tmp_path, QA.format("openai", "gpt-6-luna", ""), shorter), index, TODAY)
    wrong = "openai:text-embedding-3-small (the index) embeds in 256 dimensions, and the index has 1536, built with "
    then = "openai:text-embedding-3-small; build the index again, or use that model"
    assert PreflightFinding("fail", wrong + then) in report.findings
    index.manifest.embedding["fingerprint"] = index.manifest.embedding["fingerprint"][::-1]
    other = "openai:text-embedding-3-small (the index) returns other vectors than those in the index"
    assert PreflightFinding("fail", f"{other}; build the index again") in check_models(made, index, TODAY).findings


def test_the_command(stand_in: StandIn, run: Any, tmp_path: Path) -> None:
    done = run("training", "preflight", "--profile", "openai")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Ready")
    assert "ok    openai:gpt-image-2 (image_generation)" in done.stdout
    bad = run("training", "preflight", "--profile", "openai", OPENAI_API_KEY="sk-bad")
    assert bad.returncode == 1
    assert "fail  qa: openai rejects the key" in bad.stdout
    assert "Error: preflight failed" in bad.stderr
    refused = run("training", "run", "--profile", "openai", OPENAI_API_KEY="sk-bad")
    assert refused.returncode == 1
    assert not (tmp_path / "index").exists()
