"""A build leaves a whole index, or what was there before."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from model.errors import CommandError, DocumentError
from model.profile import Profile
from model.retrieval.local.index import Index
from training.indexing.build import build_index
from training.indexing.embedding import TextEmbedder


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("A red fox runs.", "utf-8")
    return tmp_path / "texts"


def quiet(_done: int, _total: int) -> None: ...


def test_a_build_replaces_the_index_that_was_there(profile: Profile, texts: Path, tmp_path: Path) -> None:
    build_index(profile, [texts], tmp_path / "index", quiet)
    (texts / "b.txt").write_text("A blue whale swims.", "utf-8")
    told: list[tuple[int, int]] = []
    built = build_index(profile, [texts], tmp_path / "index", lambda done, total: told.append((done, total)))
    assert [chunk.source for chunk in Index.open(built.folder).chunks] == ["a.txt", "b.txt"]
    assert (built.manifest.chunks, told) == (2, [(2, 2)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "texts"]


def test_the_same_documents_give_the_same_index(profile: Profile, texts: Path, tmp_path: Path) -> None:
    first, second = (build_index(profile, [texts], tmp_path / name, quiet).manifest for name in ("one", "two"))
    assert first == second


def test_a_build_that_fails_leaves_the_index_that_was_there(profile: Profile, texts: Path, tmp_path: Path) -> None:
    build_index(profile, [texts], tmp_path / "index", quiet)

    def broken(_done: int, _total: int) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        build_index(profile, [texts], tmp_path / "index", broken)
    assert len(Index.open(tmp_path / "index").chunks) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "texts"]


def test_documents_that_hold_headings_alone(profile: Profile, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A heading\n", "utf-8")
    with pytest.raises(DocumentError, match="the documents contain headings alone"):
        build_index(profile, [tmp_path], tmp_path / "index", quiet)
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_no_index_is_not_replaced(kind: str, profile: Profile, texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    if kind == "folder":
        out.mkdir()
        (out / "letter.txt").write_text("Dear", "utf-8")
    else:
        out.write_text("Dear", "utf-8")
    with pytest.raises(CommandError, match="exists and is not an index folder; choose another --index, or remove"):
        build_index(profile, [texts], out, quiet)
    assert out.exists()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_build_leaves_nothing_that_looks_whole(
    how: int, profile: Profile, texts: Path, tmp_path: Path
) -> None:
    for number in range(3000):
        (texts / f"{number}.txt").write_text(f"Text number {number} is about foxes.", "utf-8")
    command = [sys.executable, "-m", "training", "build", "--documents", str(texts)]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(tmp_path.glob(".multichain-part-*")):
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, how)
    assert process.wait() != 0
    assert not (tmp_path / "index").exists()
    assert how == signal.SIGKILL or not list(tmp_path.glob(".multichain-part-*"))
    build_index(profile, [texts / "1.txt"], tmp_path / "index", quiet)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "texts"]


def test_the_fingerprint_tells_the_embedding_model(profile: Profile, tmp_path: Path) -> None:
    told = TextEmbedder(profile, ["a"], "english", tmp_path / "fit").fingerprint
    assert (told["provider"], told["model"]) == ("offline", "char_wb-3-5-2048")
    assert TextEmbedder(profile, ["a"], "english", tmp_path / "fit").fingerprint == told
    assert not (tmp_path / "fit").exists()
