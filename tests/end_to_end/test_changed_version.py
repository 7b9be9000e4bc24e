"""A version whose files were changed is refused by each command that would load it, and nothing in it runs."""

import shutil
from pathlib import Path

import mlflow
import pytest

from tests import doors
from tests.conftest import Run


@pytest.fixture
def changed(logged: str, tmp_path: Path) -> Path:
    """Return the folder of a version whose entry notes that it ran."""
    folder = tmp_path / "version"
    shutil.copytree(mlflow.artifacts.download_artifacts(logged), folder)
    with (folder / "entry.py").open("a", encoding="utf-8") as entry:
        entry.write(f"open({str(tmp_path / 'executed')!r}, 'w')\n")
    return folder


@pytest.mark.parametrize("command", ["verify", "up", "ask"])
def test_changed_version_is_refused_before_it_runs(command: str, changed: Path, run: Run, tmp_path: Path) -> None:
    words = {
        "verify": ["training", "verify", str(changed)],
        "up": ["serving", "up", "--target", str(changed), "--port", str(doors.find_free_port())],
        "ask": ["serving", "ask", "--target", str(changed), "--question", "What is GPT-4?"],
    }
    result = run(*words[command])
    assert result.returncode == 1
    assert "entry.py was changed" in result.stdout + result.stderr
    assert result.stderr.startswith("Error: ")
    assert "CommandError" not in result.stderr
    assert not (tmp_path / "executed").exists()
