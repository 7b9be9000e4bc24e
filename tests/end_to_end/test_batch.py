"""A batch against paid services, which count: a run that is killed at half pays at most for what was under way."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from standin.app import StandIn
from standin.openai.batches import Batches
from standin.server import environment_variables, run_stand_in
from tests.fixtures import PAID_PROFILE
from training.packaging.log_model import log_model

KEY = "sk-of-the-batch"
ROWS = 160
REPAID_CALLS = 32
CHAT, IMAGES = "chat/completions", "images/generations"


@pytest.fixture(scope="module")
def stand_in() -> Iterator[tuple[StandIn, dict[str, str]]]:
    """Yield a stand-in of OpenAI that takes a twentieth of a second for a call, and the variables that name it."""
    server = StandIn(KEY)
    server.script.is_plain = True
    server.script.latency |= {CHAT: 0.05, IMAGES: 0.05}
    with run_stand_in(server) as address:
        yield server, environment_variables(address, KEY)


@pytest.fixture(scope="module")
def version(store: Path, index_folder: Path, stand_in: tuple[StandIn, dict[str, str]]) -> str:
    """Return the URI of a version whose answers and pictures are paid, over an index that costs nothing."""
    profile = store / "paid.yaml"
    profile.write_text(PAID_PROFILE, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stand_in[1].items():
            patch.setenv(name, value)
        return log_model(str(profile), index_folder)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    numbers = list(range(ROWS))
    columns = {"id": numbers, "question": [f"What is LangChain, part {number}?" for number in numbers]}
    columns["picture"] = [f"Picture {number}, of: {{qa.answer}}" for number in numbers]
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    return tmp_path / "rows.parquet"


def start(version: str, table: Path, out: Path, variables: dict[str, str], *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "serving", "batch", str(table), "--out", str(out), "--target", version]
    mapping = ["--key", "id", "--map", "image_generation.prompt=picture"]
    return subprocess.Popen(
        [*command, *mapping, "--json", *words],
        cwd=table.parent,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read(out: Path) -> list[dict[str, Any]]:
    return [row for file in sorted(out.glob("part-*.parquet")) for row in pq.read_table(file).to_pylist()]


def count_calls(stand_in: StandIn) -> Counter[str]:
    return Counter(path for path, _ in stand_in.script.calls)


def test_killed_run_goes_on_and_pays_again_at_most_what_was_under_way(
    version: str, table: Path, tmp_path: Path, stand_in: tuple[StandIn, dict[str, str]]
) -> None:
    server, variables = stand_in
    server.script.calls.clear()
    killed = start(version, table, tmp_path / "out", variables)
    while len(server.script.calls) < ROWS:
        assert killed.poll() is None
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    output, problems = start(version, table, tmp_path / "out", variables).communicate(timeout=240)
    plan, *_, report = (json.loads(line) for line in output.splitlines())
    assert plan["repaid_calls"] == REPAID_CALLS
    assert (report["answered"], report["failures"]) == (ROWS, {}), problems
    rows = read(tmp_path / "out")
    assert sorted(row["id"] for row in rows) == list(range(ROWS))
    assert all(row["image_generation"]["image"] for row in rows)
    calls = count_calls(server)
    assert min(calls[CHAT], calls[IMAGES]) >= ROWS
    assert calls[CHAT] + calls[IMAGES] <= 2 * ROWS + REPAID_CALLS


def test_sample_tells_the_cost_of_the_rest_and_is_not_paid_again(
    version: str, table: Path, tmp_path: Path, stand_in: tuple[StandIn, dict[str, str]]
) -> None:
    server, variables = stand_in
    server.script.calls.clear()
    output, problems = start(version, table, tmp_path / "out", variables, "--limit", "10").communicate(timeout=240)
    report = json.loads(output.splitlines()[-1])
    assert (report["asked"], report["left"]) == (10, ROWS - 10), problems
    assert report["dollars"] > 0
    assert report["dollars_left"] == pytest.approx(report["dollars"] / 10 * (ROWS - 10), rel=0.01)
    assert count_calls(server)[CHAT] == 10
    dry, _ = start(version, table, tmp_path / "out", variables, "--dry-run").communicate(timeout=240)
    plan = json.loads(dry.splitlines()[-1])
    assert (plan["to_ask"], plan["stages"]) == (ROWS - 10, 2 * (ROWS - 10))
    assert plan["dollars"] == pytest.approx(report["dollars_left"], rel=0.01)
    assert count_calls(server)[CHAT] == 10


@pytest.mark.parametrize(("words", "code"), [(["--max-cost", "0"], 4), (["--limit", "3"], 3)])
def test_exit_code_tells_stopped_and_failed(
    version: str, table: Path, tmp_path: Path, stand_in: tuple[StandIn, dict[str, str]], words: list[str], code: int
) -> None:
    columns = {
        "id": [1, 2, 3],
        "question": ["x" * 20_000, "Why?", "How?"],
        "picture": [None] * 3,
    }  # the first one is too long
    pq.write_table(pa.table(columns), table)
    process = start(version, table, tmp_path / "out", stand_in[1], *words)
    process.communicate(timeout=240)
    assert process.returncode == code


def run_batch_api(
    version: str, table: Path, out: Path, variables: dict[str, str], *words: str
) -> tuple[int, list[dict[str, Any]], str]:
    """Return exit code, events and errors of a run by the Batch API."""
    process = start(version, table, out, variables, "--batch-api", *words)
    output, problems = process.communicate(timeout=240)
    return process.returncode, [json.loads(line) for line in output.splitlines()], problems


@pytest.fixture
def batches(stand_in: tuple[StandIn, dict[str, str]]) -> Batches:
    server = stand_in[0]
    server.script.calls.clear()
    server.batches.clear()
    return server.batches


def test_batch_api_answers_a_chain_in_rounds_at_half_the_price(
    version: str, table: Path, tmp_path: Path, stand_in: tuple[StandIn, dict[str, str]], batches: Batches
) -> None:
    usual, _, _ = read_usual(version, table, tmp_path, stand_in)
    batches.clear()
    code, events, problems = run_batch_api(version, table, tmp_path / "out", stand_in[1])
    assert code == 0, problems
    rows = read(tmp_path / "out")
    assert [batch["endpoint"] for batch in batches.batches.values()] == [
        "/v1/chat/completions",
        "/v1/images/generations",
    ]
    assert Counter(batches.answered) == {CHAT: ROWS, IMAGES: ROWS}
    assert count_calls(stand_in[0])[CHAT] == 5  # of the sample, which was asked in the usual way
    assert sorted(row["id"] for row in rows) == list(range(ROWS))
    assert all(row["image_generation"]["image"] and row["qa"]["answer"] for row in rows)
    assert events[-1]["dollars"] / ROWS == pytest.approx(usual / 2, rel=0.02)


def read_usual(
    version: str, table: Path, tmp_path: Path, stand_in: tuple[StandIn, dict[str, str]]
) -> tuple[float, str, str]:
    """Return the dollars of a row that is asked in the usual way."""
    output, problems = start(version, table, tmp_path / "usual", stand_in[1], "--limit", "5").communicate(timeout=240)
    return json.loads(output.splitlines()[-1])["dollars"] / 5, output, problems


def test_batches_are_taken_up_again_after_a_kill_and_none_is_sent_twice(
    version: str, table: Path, tmp_path: Path, stand_in: tuple[StandIn, dict[str, str]], batches: Batches
) -> None:
    batches.polls = 10_000
    killed = start(version, table, tmp_path / "out", stand_in[1], "--batch-api")
    while not batches.batches:
        assert killed.poll() is None
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    for batch in batches.batches.values():
        batch["polls"] = 0
    batches.polls = 0
    code, _, problems = run_batch_api(version, table, tmp_path / "out", stand_in[1])
    assert code == 0, problems
    assert Counter(batches.answered) == {CHAT: ROWS, IMAGES: ROWS}
    assert len(read(tmp_path / "out")) == ROWS


def test_calls_of_an_expired_batch_are_collected_and_the_rest_is_sent_anew(
    version: str, table: Path, tmp_path: Path, stand_in: tuple[StandIn, dict[str, str]], batches: Batches
) -> None:
    batches.expiring_after = 40
    code, _, problems = run_batch_api(version, table, tmp_path / "out", stand_in[1])
    assert code == 0, problems
    assert Counter(batches.answered) == {CHAT: ROWS, IMAGES: ROWS}
    statuses = [batch["status"] for batch in batches.batches.values()]
    assert statuses[0] == "expired"
    assert set(statuses[1:]) == {"completed"}


def test_line_that_the_service_refuses_fails_its_row_alone(
    version: str,
    table: Path,
    tmp_path: Path,
    stand_in: tuple[StandIn, dict[str, str]],
    batches: Batches,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    columns = {"id": [1, 2], "question": ["Why?", "How?"], "picture": ["A weapon", "A pump"]}  # the first is refused
    pq.write_table(pa.table(columns), table)
    monkeypatch.setattr(stand_in[0].script, "is_plain", False)  # plain pictures are of no prompt
    code, events, problems = run_batch_api(version, table, tmp_path / "out", stand_in[1])
    assert code == 3, problems
    assert events[-1]["failures"] == {"refused": 1}
    rows = {row["id"]: row for row in read(tmp_path / "out")}
    assert rows[1]["image_generation"]["error"].startswith("refused: ")
    assert rows[1]["qa"]["answer"]
    assert rows[2]["image_generation"]["image"]


AZURE_PROFILE = PAID_PROFILE.replace("provider: openai", "provider: azure")


def test_azure_answers_chats_by_its_own_deployment_and_refuses_pictures(
    table: Path,
    tmp_path: Path,
    store: Path,
    index_folder: Path,
    stand_in: tuple[StandIn, dict[str, str]],
    batches: Batches,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in stand_in[1].items():
        monkeypatch.setenv(name, value)
    profile = store / "azure.yaml"
    profile.write_text(AZURE_PROFILE, "utf-8")
    version = log_model(str(profile), index_folder)
    stand_in[0].script.calls.clear()  # those by which MLflow tries the example
    pq.write_table(pa.table({"id": [1, 2], "question": ["Why?", "How?"], "picture": ["", "A pump"]}), table)
    variables = stand_in[1] | {"MULTICHAIN_BATCH_SUFFIX": "-mini"}  # a name that the stand-in knows
    code, _, problems = run_batch_api(version, table, tmp_path / "out", variables)
    assert code == 3, problems
    lines = [json.loads(line) for content in batches.files.values() for line in content.splitlines()]
    sent = [(line["url"], line["body"]["model"]) for line in lines if "method" in line]
    assert sent == [("/chat/completions", "gpt-4.1-mini")] * 2
    assert batches.answered == [CHAT] * 2
    assert not count_calls(stand_in[0])
    rows = {row["id"]: row for row in read(tmp_path / "out")}
    assert all(row["qa"]["answer"] and not row["qa"]["error"] for row in rows.values())
    assert "Azure's Batch API answers chats alone" in rows[2]["image_generation"]["error"]


def test_file_that_the_batch_api_refuses_is_told_with_its_line(
    version: str, table: Path, tmp_path: Path, stand_in: tuple[StandIn, dict[str, str]], batches: Batches
) -> None:
    process = start(version, table, tmp_path / "out", stand_in[1], "--batch-api")
    while not batches.files:
        assert process.poll() is None
        time.sleep(0.01)
    name = next(iter(batches.files))
    lines = batches.files[name].splitlines(keepends=True)
    batches.files[name] = b"".join([*lines[:16], b"{}\n", *lines[17:]])
    _, problems = process.communicate(timeout=240)
    assert process.returncode == 1
    assert "refused batch_1 by line 17 (invalid_request); nothing was paid" in problems
    assert batches.answered == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--target", "http://127.0.0.1:1"], "--batch-api is for versions that are loaded here"),
        (["--max-cost", "1"], "--max-cost with --batch-api or --spark needs a sample"),
    ],
)
def test_batch_api_is_refused_in_words_before_anything_is_sent(
    version: str,
    table: Path,
    tmp_path: Path,
    stand_in: tuple[StandIn, dict[str, str]],
    batches: Batches,
    words: list[str],
    sentence: str,
) -> None:
    code, _, problems = run_batch_api(version, table, tmp_path / "out", stand_in[1], *words)
    assert (code, sentence in problems) == (1, True)
    assert (batches.files, stand_in[0].script.calls) == ({}, [])
