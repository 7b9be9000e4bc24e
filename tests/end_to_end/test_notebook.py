"""The notebook: Databricks' source format, and a plain script that does the exercise's eight steps and cleans up."""

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

from tests.fixtures import ROOT

NOTEBOOK = ROOT / "notebooks" / "walkthrough.py"


def ran(folder: Path, **environment: str) -> list[str]:
    command = [sys.executable, str(NOTEBOOK)]
    told = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_TRACKING")} | environment
    done = subprocess.run(command, cwd=folder, env=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_it_is_a_notebook_of_databricks() -> None:
    text = NOTEBOOK.read_text("utf-8")
    assert text.startswith("# Databricks notebook source\n")
    cells = text.split("# COMMAND ----------\n")
    assert len(cells) >= 12
    headings = [line for line in text.splitlines() if line.startswith("# MAGIC ## ")]
    assert [line.split()[3].rstrip(".,") for line in headings] == ["1", "3", "4", "5", "8"]


def test_it_runs_as_a_script_and_leaves_nothing(tmp_path: Path) -> None:
    lines = ran(tmp_path)
    assert lines[0] == "3 chunks, 2048 dimensions, by char_wb-3-5-2048"
    assert lines[1].startswith(
        "Azure Databricks is a fast, easy, and collaborative Apache Spark-based analytics platform."
    )
    assert lines[2].startswith("LangChain is a framework designed to simplify the creation of applications")
    assert lines[-1].startswith("walkthrough and ")
    assert not Path(lines[-1].split()[2]).exists()
    assert list(tmp_path.iterdir()) == []


def test_the_picture_is_there_when_it_is_kept(tmp_path: Path) -> None:
    lines = ran(tmp_path, KEEP="1")
    with Image.open(lines[-1]) as picture:
        assert picture.size == (1536, 864)
