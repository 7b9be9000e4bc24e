"""The notebook: Databricks' source format, and a plain script that runs the exercise's steps and removes its files."""

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

from tests.fixtures import ROOT

NOTEBOOK = ROOT / "notebooks" / "walkthrough.py"


def run_notebook(folder: Path, **environment: str) -> list[str]:
    """Run the notebook as a script in ``folder`` and return the lines of its output."""
    command = [sys.executable, str(NOTEBOOK)]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_TRACKING")}
    process = subprocess.run(
        command, cwd=folder, env=variables | environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()


def test_notebook_has_the_source_format_and_the_headings_of_the_steps() -> None:
    text = NOTEBOOK.read_text("utf-8")
    assert text.startswith("# Databricks notebook source\n")
    cells = text.split("# COMMAND ----------\n")
    assert len(cells) >= 12
    headings = [line for line in text.splitlines() if line.startswith("# MAGIC ## ")]
    assert [line.split()[3].rstrip(".,") for line in headings] == ["1", "3", "4", "5", "8"]


def test_notebook_as_a_script_prints_its_answers_and_leaves_no_file(tmp_path: Path) -> None:
    lines = run_notebook(tmp_path)
    assert lines[0] == "3 chunks, 2048 dimensions, by char_wb-3-5-2048"
    assert lines[1].startswith(
        "Azure Databricks is a fast, easy, and collaborative Apache Spark-based analytics platform."
    )
    assert lines[2].startswith("LangChain is a framework designed to simplify the creation of applications")
    assert lines[-1].startswith("walkthrough and ")
    assert not Path(lines[-1].split()[2]).exists()
    assert list(tmp_path.iterdir()) == []


def test_notebook_leaves_the_picture_when_keep_is_set(tmp_path: Path) -> None:
    lines = run_notebook(tmp_path, KEEP="1")
    with Image.open(lines[-1]) as picture:
        assert picture.size == (1536, 864)
