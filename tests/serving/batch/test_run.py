"""A batch: each row is asked once, whatever ends a run; changed rows and failed ones are asked again when wanted."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from serving.batch import parts
from serving.batch.counts import BatchCounts
from serving.batch.ledger import open_ledger
from serving.batch.options import BatchOptions
from serving.batch.run import open_batch
from serving.errors import RefusedError, ServingError
from tests.door_server import QA, ScriptedTarget

ROWS = [{"id": number, "question": f"Question {number}?"} for number in range(30)]


class RowTarget(ScriptedTarget):
    """A target whose answers depend on the question, and which can fail.

    Attributes:
        errors: Errors of the stage by question.
        refusals: Exceptions by question.
        version: The version that answers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.errors: dict[str, str] = {}
        self.refusals: dict[str, Exception] = {}
        self.version = "7"
        self._lock = threading.Lock()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        question = request.get("qa", {}).get("question", "")
        if question in self.refusals:
            raise self.refusals[question]
        with self._lock:
            response = super().ask(request)
        error = self.errors.get(question, "")
        if "qa" not in request:
            return response
        answer = QA | {"answer": "" if error else f"Answer to {question}", "error": error}
        return response | {"qa": answer, "meta": response["meta"] | {"version": self.version}}

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"version": self.version}

    @property
    def questions(self) -> list[str]:
        """The questions that were asked, sorted."""
        return sorted(request["qa"]["question"] for request in self.requests if "qa" in request)


@pytest.fixture
def target() -> RowTarget:
    return RowTarget()


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_ROWS", 8)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "rows.jsonl", ROWS)


def write(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return file


def run(target: RowTarget, source: Path, out: Path, **options: Any) -> BatchCounts:
    with open_batch(BatchOptions(source, out, **({"key": "id"} | options)), lambda _: target) as batch:
        batch.run(lambda _: None)
        return batch.counts


def read(out: Path) -> list[dict[str, Any]]:
    """Return the rows of an output, by their keys."""
    files = sorted(out.glob("part-*")) if out.is_dir() else [out]
    rows = []
    for file in files:
        if file.suffix == ".parquet":
            rows += pq.read_table(file).to_pylist()
        else:
            rows += [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return sorted(rows, key=lambda row: row["id"])


def test_each_row_is_answered_with_its_key_request_answer_and_cost(
    target: RowTarget, source: Path, tmp_path: Path
) -> None:
    counts = run(target, source, tmp_path / "out")
    rows = read(tmp_path / "out")
    assert (counts.asked_rows, counts.failed, counts.cost, counts.tokens) == (30, 0, 7.5, 300)
    assert [row["id"] for row in rows] == list(range(30))
    assert set(rows[3]) == {
        *("id", "request", "qa", "image_generation", "caption"),
        *("error", "usage", "cost", "version", "seconds"),
    }
    assert rows[3]["qa"]["answer"] == "Answer to Question 3?"
    assert json.loads(rows[3]["request"]) == {"qa": {"question": "Question 3?"}}
    assert (rows[3]["cost"], rows[3]["version"], rows[3]["error"]) == (0.25, "7", "")
    assert {file.suffix for file in (tmp_path / "out" / "_ledger").iterdir()}.isdisjoint({".jsonl", ".parquet"})


@pytest.mark.parametrize("name", ["out.parquet", "out.jsonl"])
def test_target_with_a_suffix_is_one_file(target: RowTarget, source: Path, tmp_path: Path, name: str) -> None:
    run(target, source, tmp_path / name)
    assert [row["qa"]["answer"] for row in read(tmp_path / name)][:2] == [
        "Answer to Question 0?",
        "Answer to Question 1?",
    ]
    assert (tmp_path / "_ledger" / name / "ledger.db").is_file()


def test_csv_has_structs_as_json(target: RowTarget, source: Path, tmp_path: Path) -> None:
    run(target, source, tmp_path / "out.csv", limit=20)
    run(target, source, tmp_path / "out.csv")
    lines = (tmp_path / "out.csv").read_text("utf-8").splitlines()
    assert lines[0] == "id,request,qa,image_generation,caption,error,usage,cost,version,seconds"
    assert len(lines) == 31
    assert len(target.requests) == 30


def test_same_command_asks_nothing_again(target: RowTarget, source: Path, tmp_path: Path) -> None:
    run(target, source, tmp_path / "out")
    before = read(tmp_path / "out")
    assert run(target, source, tmp_path / "out").asked_rows == 0
    assert len(target.requests) == 30
    assert read(tmp_path / "out") == before


def test_limit_asks_a_sample_and_the_rest_later(target: RowTarget, source: Path, tmp_path: Path) -> None:
    counts = run(target, source, tmp_path / "out", limit=5)
    assert (counts.asked_rows, counts.to_ask, len(read(tmp_path / "out"))) == (5, 30, 5)
    assert run(target, source, tmp_path / "out").asked_rows == 25
    assert target.questions == sorted(row["question"] for row in ROWS)


def test_run_that_is_interrupted_goes_on_where_it_ended(target: RowTarget, source: Path, tmp_path: Path) -> None:
    class StoppedError(BaseException):
        """Ends a run as a signal does."""

    def interrupt(counts: BatchCounts) -> None:
        if counts.asked_rows >= 11:
            raise StoppedError

    options = BatchOptions(source, tmp_path / "out", key="id")
    with open_batch(options, lambda _: target) as batch, pytest.raises(StoppedError):
        batch.run(interrupt)
    call_count = len(target.requests)
    assert 11 <= call_count <= 30
    run(target, source, tmp_path / "out")
    assert target.questions == sorted(row["question"] for row in ROWS)
    assert [row["id"] for row in read(tmp_path / "out")] == list(range(30))


def test_target_that_cannot_be_reached_ends_the_run_and_loses_nothing(
    target: RowTarget, source: Path, tmp_path: Path
) -> None:
    target.refusals = {row["question"]: ServingError("cannot reach it") for row in ROWS[20:]}
    with pytest.raises(ServingError, match="cannot reach it"):
        run(target, source, tmp_path / "out")
    target.refusals = {}
    run(target, source, tmp_path / "out")
    assert target.questions == sorted(row["question"] for row in ROWS)


def test_provider_that_cannot_be_reached_ends_the_run_and_fails_no_row(
    target: RowTarget, source: Path, tmp_path: Path
) -> None:
    target.errors = {row["question"]: "address: no route to the provider" for row in ROWS[10:]}
    with pytest.raises(ServingError, match="the same command goes on where this one ended"):
        run(target, source, tmp_path / "out")
    target.errors = {}
    assert run(target, source, tmp_path / "out").failed == 0
    assert [row["error"] for row in read(tmp_path / "out")] == [""] * 30


def test_failed_rows_are_asked_again_by_code_when_wanted(target: RowTarget, source: Path, tmp_path: Path) -> None:
    target.errors = {"Question 3?": "deadline: too late", "Question 5?": "refused: no"}
    target.refusals = {"Question 7?": RefusedError("invalid_request: qa.question: too long")}
    counts = run(target, source, tmp_path / "out")
    assert counts.errors == {"deadline": 1, "refused": 1, "invalid_request": 1}
    rows = read(tmp_path / "out")
    assert (rows[3]["error"], rows[7]["qa"]) == ("deadline: too late", None)
    target.errors, target.refusals = {}, {}
    assert run(target, source, tmp_path / "out").asked_rows == 0
    assert run(target, source, tmp_path / "out", retried_codes=frozenset({"deadline"})).asked_rows == 1
    assert run(target, source, tmp_path / "out", retried_codes=frozenset({"all"})).asked_rows == 2
    assert [row["error"] for row in read(tmp_path / "out")] == [""] * 30


def test_update_asks_new_and_changed_rows_alone(target: RowTarget, source: Path, tmp_path: Path) -> None:
    run(target, source, tmp_path / "out")
    target.requests.clear()
    rows = [row | {"question": "Changed?"} if row["id"] == 4 else row for row in ROWS]
    write(source, [*rows, {"id": 30, "question": "New?"}])
    assert run(target, source, tmp_path / "out", updates=True).asked_rows == 2
    assert target.questions == ["Changed?", "New?"]
    answers = read(tmp_path / "out")
    assert len(answers) == 31
    assert (answers[4]["qa"]["answer"], answers[5]["qa"]["answer"]) == ("Answer to Changed?", "Answer to Question 5?")


def test_another_version_is_told_and_asks_all_rows_with_update(target: RowTarget, source: Path, tmp_path: Path) -> None:
    run(target, source, tmp_path / "out")
    target.version = "8"
    with pytest.raises(ServingError, match=r"had the version 7, and this one has 8; --update asks"):
        run(target, source, tmp_path / "out")
    assert run(target, source, tmp_path / "out", updates=True).asked_rows == 30
    assert {row["version"] for row in read(tmp_path / "out")} == {"8"}


def test_another_mapping_key_or_shape_is_told(target: RowTarget, source: Path, tmp_path: Path) -> None:
    run(target, source, tmp_path / "out")
    with pytest.raises(ServingError, match="had the key id, and this one has key; give another --out"):
        run(target, source, tmp_path / "out", key="")
    with pytest.raises(ServingError, match=r"had the mapping qa\.question=question"):
        run(target, source, tmp_path / "out", entries=["caption.run=id"])
    target.description = target.description | {"stages": {"qa": target.description["stages"]["qa"]}}
    with pytest.raises(ServingError, match="had the stages qa, image_generation, caption"):
        run(target, source, tmp_path / "out")


def test_keys_that_repeat_are_refused_before_anything_is_asked(target: RowTarget, source: Path, tmp_path: Path) -> None:
    write(source, [*ROWS, {"id": 2, "question": "Again?"}])
    with pytest.raises(ServingError, match="rows 3 and 31 have the same key"):
        run(target, source, tmp_path / "out")
    assert target.requests == []


def test_equal_rows_without_a_key_are_asked_once(target: RowTarget, source: Path, tmp_path: Path) -> None:
    write(source, [{"question": "Same?"}] * 5 + [{"question": None}])
    run(target, source, tmp_path / "out", key="")
    assert target.questions == ["Same?"]
    rows = [json.loads(line) for line in next((tmp_path / "out").glob("part-*")).read_text("utf-8").splitlines()]
    assert sorted(row["qa"]["ran"] for row in rows) == [False, True]
    assert {len(row["key"]) for row in rows} == {16}


def test_row_of_five_megabytes_is_one_row_s_matter(target: RowTarget, source: Path, tmp_path: Path) -> None:
    huge = "x" * 5_000_000
    write(source, [{"id": 1, "question": huge}, {"id": 2, "question": "Why?"}])
    target.refusals = {huge: RefusedError("invalid_request: qa.question: expected text of 1 to 10,000 characters")}
    assert run(target, source, tmp_path / "out").errors == {"invalid_request": 1}
    assert [row["qa"] is None for row in read(tmp_path / "out")] == [True, False]


def test_cost_ends_a_run_before_the_next_rows(target: RowTarget, source: Path, tmp_path: Path) -> None:
    with open_batch(BatchOptions(source, tmp_path / "out", key="id", max_cost=1.0), lambda _: target) as batch:
        batch.asker.windows = 1  # type: ignore[attr-defined]  # one row after the other

        assert batch.run(lambda _: None) is False
        assert batch.counts.asked_rows == 4  # of 0.25 dollars each
    run(target, source, tmp_path / "out")
    assert len(target.requests) == 30


def test_second_run_into_one_target_is_refused(target: RowTarget, source: Path, tmp_path: Path) -> None:
    options = BatchOptions(source, tmp_path / "out", key="id")
    with open_batch(options, lambda _: target), ThreadPoolExecutor(1) as other_process:

        def open_again() -> None:
            with open_batch(options, lambda _: target):
                pass

        with pytest.raises(ServingError, match="another run writes to"):
            other_process.submit(open_again).result()


def test_folder_of_others_is_left_alone(target: RowTarget, source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "theirs.txt").write_text("theirs", "utf-8")
    with pytest.raises(ServingError, match="is there and is no output of a batch"):
        run(target, source, tmp_path / "out")


def test_part_that_a_kill_left_unnoted_is_written_anew(target: RowTarget, source: Path, tmp_path: Path) -> None:
    run(target, source, tmp_path / "out", limit=8)
    written = read(tmp_path / "out")
    (file,) = (tmp_path / "out").glob("part-*")
    file.rename(file.with_name("part-000009.jsonl"))  # as if it had been written and not noted
    (tmp_path / "out" / ".part-000010.jsonl").write_text("{", "utf-8")
    with open_ledger(tmp_path / "out" / "_ledger") as ledger:
        ledger._database.execute("DELETE FROM rows")  # noqa: SLF001 - the state before the kill
    run(target, source, tmp_path / "out")
    assert [row["id"] for row in read(tmp_path / "out")] == list(range(30))
    assert read(tmp_path / "out")[: len(written)] == written
    assert not list((tmp_path / "out").glob(".part-*"))


def test_full_disk_is_told_and_the_next_run_goes_on(
    target: RowTarget, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setitem(parts._WRITERS, ".jsonl", fail)  # type: ignore[attr-defined]  # noqa: SLF001 - a full disk
        with pytest.raises(ServingError, match=r"No space left on device.; nothing is lost"):
            run(target, source, tmp_path / "out")
    run(target, source, tmp_path / "out")
    assert target.questions == sorted(row["question"] for row in ROWS)
    assert len(read(tmp_path / "out")) == 30


def test_plan_counts_rows_stages_and_tokens_without_asking(target: RowTarget, source: Path, tmp_path: Path) -> None:
    options = BatchOptions(source, tmp_path / "out", key="id", entries=["image_generation.prompt={qa.answer}"])
    with open_batch(options, lambda _: target) as batch:
        counts = batch.counts
    assert (counts.rows, counts.to_ask, counts.stages, target.requests) == (30, 30, 60, [])
    assert 300 < counts.input_tokens < 1000
