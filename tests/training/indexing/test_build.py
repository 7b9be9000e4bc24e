"""A build that succeeds, fails or is killed leaves a complete index or the previous one."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from model.errors import CommandError
from model.profile import Profile
from model.retrieval.local.index import Index
from training.indexing.build import build_index
from training.indexing.text_embedder import TextEmbedder


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("A red fox runs.", "utf-8")
    return tmp_path / "texts"


def ignore_progress(_done: int, _total: int) -> None: ...


def test_build_replaces_the_previous_index(profile: Profile, texts: Path, tmp_path: Path) -> None:
    build_index(profile, [texts], tmp_path / "index", ignore_progress)
    (texts / "b.txt").write_text("A blue whale swims.", "utf-8")
    progress: list[tuple[int, int]] = []
    build = build_index(profile, [texts], tmp_path / "index", lambda done, total: progress.append((done, total)))
    assert [chunk.source for chunk in Index.open(build.folder).chunks] == ["a.txt", "b.txt"]
    assert (build.manifest.chunks, progress) == (2, [(2, 2)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "texts"]


def test_build_of_the_same_documents_gives_the_same_manifest(profile: Profile, texts: Path, tmp_path: Path) -> None:
    first, second = (
        build_index(profile, [texts], tmp_path / name, ignore_progress).manifest for name in ("one", "two")
    )
    assert first == second


def test_failed_build_keeps_the_previous_index(profile: Profile, texts: Path, tmp_path: Path) -> None:
    build_index(profile, [texts], tmp_path / "index", ignore_progress)

    def raise_disk_error(_done: int, _total: int) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        build_index(profile, [texts], tmp_path / "index", raise_disk_error)
    assert len(Index.open(tmp_path / "index").chunks) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "texts"]


def test_heading_without_text_is_a_chunk_of_its_own(profile: Profile, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# Hotline 0800 555 222\n", "utf-8")
    built = build_index(profile, [tmp_path / "docs"], tmp_path / "index", ignore_progress)
    assert [chunk.text for chunk in Index.open(built.folder).chunks] == ["Hotline 0800 555 222"]


def test_equal_texts_are_one_chunk_with_all_their_places(profile: Profile, tmp_path: Path) -> None:
    for name in ("a.txt", "copies/b.txt", "copies/c.txt"):
        (tmp_path / "docs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "docs" / name).write_text("Visitors wear a yellow badge.", "utf-8")
    built = build_index(profile, [tmp_path / "docs"], tmp_path / "index", ignore_progress)
    (chunk,) = Index.open(built.folder).chunks
    assert (chunk.source, [copy.source for copy in chunk.copies]) == ("a.txt", ["copies/b.txt", "copies/c.txt"])
    retriever = profile.make_retriever(Index.open(built.folder))
    (passage,) = asyncio.run(retriever.search("What do visitors wear?", 4, {"source": ["copies/c.txt"]}))
    fields = passage.to_fields()
    assert (fields["source"], fields["title"], fields["tags"]) == (
        "copies/c.txt",
        "c",
        ["also=a.txt", "also=copies/b.txt"],
    )


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_build_refuses_to_replace_a_path_that_is_no_index(
    kind: str, profile: Profile, texts: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mine"
    if kind == "folder":
        out.mkdir()
        (out / "letter.txt").write_text("Dear", "utf-8")
    else:
        out.write_text("Dear", "utf-8")
    with pytest.raises(CommandError, match="exists and is not an index folder; choose another --index, or remove"):
        build_index(profile, [texts], out, ignore_progress)
    assert out.exists()


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGKILL])
def test_killed_build_leaves_no_partial_index(
    signal_number: int, profile: Profile, texts: Path, tmp_path: Path
) -> None:
    for number in range(3000):
        (texts / f"{number}.txt").write_text(f"Text number {number} is about foxes.", "utf-8")
    command = [sys.executable, "-m", "training", "build", "--documents", str(texts)]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(tmp_path.glob(".multichain-part-*")):
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal_number)
    assert process.wait() != 0
    assert not (tmp_path / "index").exists()
    assert signal_number == signal.SIGKILL or not list(tmp_path.glob(".multichain-part-*"))
    build_index(profile, [texts / "1.txt"], tmp_path / "index", ignore_progress)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "texts"]


def test_embedding_fingerprint_names_provider_and_model(profile: Profile, tmp_path: Path) -> None:
    fingerprint = TextEmbedder(profile, ["a"], "english", tmp_path / "fit").fingerprint
    assert (fingerprint["provider"], fingerprint["model"]) == ("offline", "char_wb-3-5-2048")
    assert TextEmbedder(profile, ["a"], "english", tmp_path / "fit").fingerprint == fingerprint
    assert not (tmp_path / "fit").exists()
