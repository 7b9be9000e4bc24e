"""Temporary folders that do not outlive their process, even one that is killed: the next command sweeps them."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

_PREFIX = "multichain-"
_LOCK = ".lock"
_UNLOCKED_SECONDS = 3600.0
"""Age above which a folder without a lock is taken for one that a killed process left while it made the folder."""


@contextmanager
def open_scratch_folder(purpose: str) -> Iterator[Path]:
    """Yield a temporary folder, and remove the folder at the end.

    The process holds a lock in the folder. Folders of this kind whose lock is free belong to killed processes and are
    removed first.

    Args:
        purpose: Word for the folder's name, such as ``log``.
    """
    _sweep(Path(tempfile.gettempdir()))
    with (
        tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{purpose}-", ignore_cleanup_errors=True) as name,
        FileLock(Path(name) / _LOCK),
    ):
        yield Path(name)


def _sweep(parent: Path) -> None:
    """Remove the folders of processes that were killed."""
    for folder in parent.glob(f"{_PREFIX}*-*"):
        lock = folder / _LOCK
        with suppress(OSError, Timeout):  # another user's folder, or one in use
            if lock.is_file():
                with FileLock(lock, timeout=0):
                    shutil.rmtree(folder, ignore_errors=True)
            elif _is_own_kind(folder) and time.time() - folder.stat().st_mtime > _UNLOCKED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _is_own_kind(folder: Path) -> bool:
    """Return whether a folder without a lock has the name of one that earlier versions of this project made."""
    return folder.is_dir() and folder.name.startswith((f"{_PREFIX}log-", f"{_PREFIX}up-"))
