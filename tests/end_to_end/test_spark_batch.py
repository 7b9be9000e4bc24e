"""A batch in Spark, classic and Connect: what is new in a folder is answered once, and a repeated key is not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.fixtures import ROOT


def write(folder: Path, name: str, first: int, last: int) -> None:
    """Write questions with the keys from ``first`` to ``last``; each tenth has no question."""
    numbers = list(range(first, last + 1))
    questions = ["What is LangChain?" if number % 10 else None for number in numbers]
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table({"id": numbers, "question": questions}), folder / f"{name}.parquet")


def run(source: str, out: Path, version: str, *words: str, **environment: str) -> tuple[int, str, str]:
    """Return exit code, output and errors of a batch in Spark."""
    command = [sys.executable, "-m", "serving", "batch", source, "--out", str(out), "--target", version, "--spark"]
    variables = {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1", "PYTHONPATH": str(ROOT)}
    variables["PYSPARK_SUBMIT_ARGS"] = "--master local[2] --conf spark.ui.enabled=false pyspark-shell"
    done = subprocess.run(
        [*command, *words],
        env=os.environ | variables | environment,
        cwd=out.parent,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def read(out: Path) -> list[dict[str, Any]]:
    files = sorted(out.glob("batch-*/*.parquet"))
    return sorted((row for file in files for row in pq.read_table(file).to_pylist()), key=lambda row: row["id"])


@pytest.mark.parametrize("kind", ["classic", pytest.param("connect", marks=pytest.mark.long)])
def test_new_rows_of_a_folder_are_answered_once(kind: str, logged: str, tmp_path: Path) -> None:
    if shutil.which("java") is None:
        if os.environ.get("CI"):
            pytest.fail("Spark needs Java 17, and CI must have it")
        pytest.skip("Spark needs Java 17, and there is none")
    environment = {"SPARK_REMOTE": "local[2]"} if kind == "connect" else {}
    source, out = tmp_path / "questions", tmp_path / "answers"
    write(source, "a", 1, 20)
    code, output, problems = run(str(source), out, logged, "--key", "id", "--json", **environment)
    assert code == 0, problems[-3000:]
    assert json.loads(output.splitlines()[-1])["answered"] == 20
    write(source, "b", 18, 25)  # three keys were answered
    code, output, problems = run(str(source), out, logged, "--key", "id", "--json", **environment)
    assert code == 0, problems[-3000:]
    rows = read(out)
    assert [row["id"] for row in rows] == list(range(1, 26))
    assert [row["qa"]["ran"] for row in rows] == [number % 10 != 0 for number in range(1, 26)]
    assert rows[0]["qa"]["answer"].startswith("LangChain is a framework")
    assert json.loads(rows[0]["request"]) == {"qa": {"question": "What is LangChain?"}}
    assert {"error", "usage", "cost", "version", "seconds", "image_generation"} <= rows[0].keys()
    assert len(list(out.glob("batch-*"))) == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--batch-api"], "--batch-api cannot be used with --spark"),
        (["--target", "http://127.0.0.1:1"], "--spark needs a version such as models:/multichain@champion"),
    ],
)
def test_options_without_a_meaning_in_spark_are_refused(
    words: list[str], sentence: str, logged: str, tmp_path: Path
) -> None:
    code, _, problems = run(str(tmp_path), tmp_path / "answers", logged, *words)
    assert (code, sentence in problems) == (1, True)
