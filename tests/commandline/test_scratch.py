"""Temporary folders that are removed at the end, or by the next command after a kill."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from commandline.scratch import open_scratch_folder
from tests.fixtures import ROOT


@pytest.fixture(autouse=True)
def _temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_folder_is_removed_at_the_end(tmp_path: Path) -> None:
    with open_scratch_folder("log") as folder:
        (folder / "file").write_text("a")
        assert folder.parent == tmp_path
        assert folder.name.startswith("multichain-log-")
    assert list(tmp_path.iterdir()) == []


def test_folder_in_use_is_left_alone() -> None:
    with open_scratch_folder("log") as first, open_scratch_folder("log") as second:
        assert first.is_dir()
        assert second.is_dir()


def test_folder_of_a_killed_process_is_swept(tmp_path: Path) -> None:
    program = (
        "import os, signal\nfrom commandline.scratch import open_scratch_folder\n"
        "with open_scratch_folder('up') as folder:\n"
        "    (folder / 'a').mkdir()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=os.environ | {"TMPDIR": str(tmp_path)}, check=False)
    assert [path.name[:14] for path in tmp_path.iterdir()] == ["multichain-up-"]
    with open_scratch_folder("log") as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_folders_without_a_lock_are_removed_when_they_are_old_and_of_this_project(tmp_path: Path) -> None:
    names = ["multichain-log-old", "multichain-up-old", "multichain-log-new", "multichain-other-old", "else-log-old"]
    for name in names:
        (tmp_path / name).mkdir()
        if name.endswith("old"):
            os.utime(tmp_path / name, (time.time() - 4000,) * 2)
    with open_scratch_folder("log") as folder:
        assert {path.name for path in tmp_path.iterdir()} == {*names[2:], folder.name}
