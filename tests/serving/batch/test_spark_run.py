"""A batch in Spark: a sample first, changed and failed rows again, and what a run left half done is mended."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from serving.__main__ import serving
from serving.batch.counts import BatchCounts
from serving.batch.options import ALL_CODES, BatchOptions
from serving.batch.spark_output import SparkOutput
from serving.batch.spark_run import SparkRun, open_spark_run
from serving.errors import ServingError
from serving.targets import load_target
from tests.doors import spark_session

TOO_LONG = "long " * 20_000
Ask = Callable[..., BatchCounts]


@pytest.fixture(scope="module")
def session() -> Any:
    return spark_session()


@pytest.fixture(scope="module")
def description(logged: str) -> dict[str, Any]:
    return load_target(logged).describe()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "questions", {number: f"What is LangChain {number}?" for number in range(1, 7)})


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "answers"


@pytest.fixture
def ask(session: Any, logged: str, description: dict[str, Any], source: Path, out: Path) -> Ask:
    """Return a function that runs a batch with options, and returns what it did."""

    def run_batch(**options: Any) -> BatchCounts:
        with open_spark_run(BatchOptions(source, out, key="id", **options), logged, description) as run:
            return run.answer()[0]

    return run_batch


def write(folder: Path, questions: dict[int | None, str | None], name: str = "a") -> Path:
    folder.mkdir(exist_ok=True)
    table = pa.table({"id": list(questions), "question": list(questions.values())})
    pq.write_table(table, folder / f"{name}.parquet")
    return folder


def read(out: Path) -> dict[int, dict[str, Any]]:
    """Return the rows of the output by key, and check that no key is in two of them."""
    rows = [row for file in out.glob("batch-*/*.parquet") for row in pq.read_table(file).to_pylist()]
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row for row in rows}


def read_question(row: dict[str, Any]) -> str:
    question: str = json.loads(row["request"])["qa"]["question"]
    return question


def test_a_sample_is_not_asked_again_by_the_stream(ask: Ask, out: Path) -> None:
    sample = ask(limit=2)
    assert (sample.rows, sample.to_ask, sample.asked_rows) == (6, 6, 2)
    assert sample.seconds_left == pytest.approx(4 / sample.rate)
    sampled = read(out)
    rest = ask()
    assert (rest.to_ask, rest.asked_rows) == (4, 4)
    rows = read(out)
    assert sorted(rows) == [1, 2, 3, 4, 5, 6]
    assert {key: rows[key] for key in sampled} == sampled  # not asked again: even the seconds are the same


def test_a_changed_row_is_asked_again_and_replaces_its_answer(ask: Ask, source: Path, out: Path) -> None:
    ask()
    before = read(out)
    write(source, {number: f"What is {'GPT' if number == 2 else 'LangChain'} {number}?" for number in range(1, 7)})
    counts = ask(updates=True)
    assert (counts.to_ask, counts.asked_rows) == (1, 1)
    after = read(out)
    assert read_question(after[2]) == "What is GPT 2?"
    assert {key: row for key, row in after.items() if key != 2} == {key: row for key, row in before.items() if key != 2}
    assert ask(updates=True).asked_rows == 0


def test_failed_rows_are_asked_again_by_code(ask: Ask, source: Path, out: Path) -> None:
    write(source, {1: "What is LangChain?", 2: TOO_LONG})
    counts = ask()
    assert (counts.asked_rows, counts.failed) == (2, 1)
    (code,) = counts.errors
    assert read(out)[2]["error"].startswith(f"{code}:")
    assert ask(retried_codes=frozenset({"deadline"})).asked_rows == 0
    write(source, {1: "What is LangChain?", 2: "What is GPT?"})
    assert ask(retried_codes=frozenset({ALL_CODES})).errors == {}
    assert [row["error"] for row in read(out).values()] == ["", ""]


def test_what_a_run_left_half_done_is_mended(ask: Ask, session: Any, source: Path, out: Path) -> None:
    ask()
    output = SparkOutput(out, "id")
    half = out / "batch-chosen-000000"  # killed while it wrote the chosen rows
    shutil.copytree(out / "batch-000000", half)
    output.write_facts(writing=half.name)
    output.repair(session)
    assert sorted(read(out)) == [1, 2, 3, 4, 5, 6]
    shutil.copytree(out / "batch-000000", half)  # killed before the rows were removed that these replace
    output.write_facts(replacing=half.name)
    rewritten = out / "_ledger" / "rewritten"  # and between two renames
    rewritten.mkdir()
    (out / "batch-000000").rename(rewritten / "batch-000000.old")
    output.repair(session)
    assert sorted(read(out)) == [1, 2, 3, 4, 5, 6]
    assert pq.read_table(out / "batch-000000").num_rows == 0
    assert ask(updates=True).asked_rows == 0


@pytest.mark.parametrize(
    ("questions", "options", "sentence"),
    [
        ([(1, "What is LangChain?"), (1, "What is GPT?")], {}, "--key id: rows with different requests have the same"),
        ([(None, "What is LangChain?")], {}, "a row has no value in the key column id"),
        ([(1, "What is LangChain?")], {"key": "number"}, "--key number: the table has no such column"),
        ([(1, "What is LangChain?")], {"entries": ["qa.question=text"]}, "the table has no column text"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(
    questions: list[tuple[int | None, str]],
    options: dict[str, Any],
    sentence: str,
    session: Any,
    logged: str,
    description: dict[str, Any],
    out: Path,
    tmp_path: Path,
) -> None:
    keys, texts = zip(*questions, strict=True)
    file = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"id": pa.array(keys, pa.int64()), "question": texts}), file)
    with (
        pytest.raises(ServingError, match=sentence),
        open_spark_run(BatchOptions(file, out, **({"key": "id"} | options)), logged, description),
    ):
        pass
    assert not list(out.glob("batch-*"))


def test_another_key_and_a_second_run_are_refused(
    ask: Ask, logged: str, description: dict[str, Any], source: Path, out: Path
) -> None:
    def open_run(**options: Any) -> Any:
        return open_spark_run(BatchOptions(source, out, **options), logged, description)

    ask(limit=1)
    with pytest.raises(ServingError, match="had the key id, and this one has key"), open_run():
        pass
    with open_run(key="id") as run:
        assert isinstance(run, SparkRun)
        with pytest.raises(ServingError, match="another run writes to"), open_run(key="id"):
            pass


def test_the_command_tells_the_plan_and_ends_before_what_costs_too_much(
    session: Any, logged: str, source: Path, out: Path
) -> None:
    command = ["batch", str(source), "--out", str(out), "--target", logged, "--key", "id", "--spark", "--json"]
    refused = CliRunner().invoke(serving, [*command, "--max-cost", "1"])
    assert (refused.exit_code, "--limit 50 first" in refused.output) == (1, True)
    planned = CliRunner().invoke(serving, [*command, "--dry-run"])
    assert json.loads(planned.output) == {
        "event": "plan",
        "rows": 6,
        "answered": 0,
        "to_ask": 6,
        "stages": 6,
        "input_tokens": len(json.dumps({"qa": {"question": "What is LangChain 1?"}}, separators=(",", ":"))) * 6 // 4,
        "dollars": None,
        "dollars_batch_api": None,
        "version": "",
        "repaid_calls": 0,
    }
    assert not list(out.glob("batch-*"))
    done = CliRunner().invoke(serving, [*command, "--limit", "2"])
    report = json.loads(done.output.splitlines()[-1])
    assert (done.exit_code, report["event"], report["asked"], report["left"]) == (0, "report", 2, 4)
    assert (report["answered"], report["failures"], report["out"]) == (2, {}, str(out))


def test_file_that_is_no_parquet_is_refused(session: Any, logged: str, out: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,question\n1,What is LangChain?\n", "utf-8")
    command = ["batch", str(tmp_path / "rows.csv"), "--out", str(out), "--target", logged, "--key", "id", "--spark"]
    result = CliRunner().invoke(serving, command)
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == (
        f"Error: Spark cannot read {tmp_path / 'rows.csv'} (Py4JJavaError); name a folder of Parquet files, one file, "
        "or a table"
    )
