"""An index folder is replaced as a whole, or stays as it was."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model.errors import CommandError
from model.passages import Chunk
from model.profile import Profile
from model.retrieval.local.index import Index
from tests.fixtures import ROOT
from training.indexing.index_writer import IndexContent, check_folder, lock_folder, replace_folder, write_index_folder
from training.progress import ignore_progress

TEXTS = ("A red fox runs.", "A blue whale swims.", "A white owl flies.")


def write_folder(folder: Path, text: str = "old", name: str = "manifest.json") -> Path:
    folder.mkdir(parents=True)
    (folder / name).write_text(text, "utf-8")
    return folder


def make_content(count: int = 3) -> IndexContent:
    """Return the content of an index of short documents."""
    chunks = [Chunk(f"{n}.txt", f"{n}", "", 0, 0, len(text), text) for n, text in enumerate(TEXTS[:count])]
    return IndexContent(chunks, {chunk.source: "0" for chunk in chunks}, {"chunk_size": 7}, "english")


@pytest.mark.parametrize("is_present", [False, True])
def test_absent_or_empty_folder_may_be_written(is_present: bool, tmp_path: Path) -> None:
    out = tmp_path / "a" / "b" / "index"
    if is_present:
        out.mkdir(parents=True)
    check_folder(out)
    assert (out.parent.is_dir(), out.exists()) == (True, is_present)


def test_index_folder_with_further_files_may_be_written(tmp_path: Path) -> None:
    out = write_folder(tmp_path / "index")
    (out / "chunks.jsonl").touch()
    check_folder(out)
    assert sorted(path.name for path in out.iterdir()) == ["chunks.jsonl", "manifest.json"]


def test_folder_with_other_content_is_refused(tmp_path: Path) -> None:
    out = write_folder(tmp_path / "letters", "Dear", "a.txt")
    with pytest.raises(CommandError) as refusal:
        check_folder(out)
    assert str(refusal.value) == f"{out} exists and is not an index folder; choose another --index, or remove {out}"


def test_folder_whose_manifest_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index" / "manifest.json").mkdir(parents=True)
    with pytest.raises(CommandError, match="exists and is not an index folder"):
        check_folder(tmp_path / "index")


def test_file_even_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index").touch()
    with pytest.raises(CommandError, match="exists and is not an index folder"), replace_folder(tmp_path / "index"):
        pytest.fail("the context was entered")


def test_folder_is_replaced_at_the_end_and_not_before(tmp_path: Path) -> None:
    out = write_folder(tmp_path / "index")
    (out / "old.txt").touch()
    with replace_folder(out) as part:
        assert (part.parent, list(part.iterdir())) == (tmp_path, [])
        (part / "manifest.json").write_text("new", "utf-8")
        assert (out / "manifest.json").read_text("utf-8") == "old"
    assert [path.name for path in out.iterdir()] == ["manifest.json"]
    assert (out / "manifest.json").read_text("utf-8") == "new"
    assert list(tmp_path.iterdir()) == [out]


def test_first_folder_appears_with_its_parents(tmp_path: Path) -> None:
    out = tmp_path / "a" / "index"
    with replace_folder(out) as part:
        (part / "manifest.json").touch()
        assert not out.exists()
    assert [path.name for path in out.parent.iterdir()] == ["index"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt(), SystemExit(143)])
def test_interrupted_replacement_leaves_the_previous_folder(error: BaseException, tmp_path: Path) -> None:
    out = write_folder(tmp_path / "index")

    def write_half() -> None:
        with replace_folder(out) as part:
            (part / "manifest.json").write_text("new", "utf-8")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert (out / "manifest.json").read_text("utf-8") == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_previous_folder_is_restored_when_the_move_fails(tmp_path: Path) -> None:
    out = write_folder(tmp_path / "index")
    with pytest.raises(FileNotFoundError), replace_folder(out) as part:
        shutil.rmtree(part)
    assert (out / "manifest.json").read_text("utf-8") == "old"
    assert list(tmp_path.iterdir()) == [out]


PART = f".multichain-part-index-{'0' * 32}"


def test_left_overs_of_killed_builds_of_the_same_index_are_removed(tmp_path: Path) -> None:
    unrelated = ["multichain-part-0", f".multichain-part-index-2-{'0' * 32}", ".multichain-part-index-mine"]
    for name in (PART, f"{PART}-old", *unrelated):
        write_folder(tmp_path / name)
    with replace_folder(tmp_path / "index") as part:
        (part / "manifest.json").write_text("new", "utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["index", *unrelated])


def test_index_that_a_killed_build_set_aside_is_put_back_before_anything_fails(tmp_path: Path) -> None:
    write_folder(tmp_path / f"{PART}-old", "the only copy")
    write_folder(tmp_path / PART, "half")
    with pytest.raises(OSError, match="disk full"), replace_folder(tmp_path / "index"):
        raise OSError("disk full")
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    assert (tmp_path / "index" / "manifest.json").read_text("utf-8") == "the only copy"


HOLD = """
import sys, time
from pathlib import Path
from tests.fixtures import ROOT
from training.indexing.index_writer import replace_folder
with replace_folder(Path(sys.argv[1])) as part:
    (part / "manifest.json").write_text("of the other process")
    print("writing", flush=True)
    sys.stdin.readline()
"""


def test_second_process_is_refused_and_does_not_disturb_the_first(tmp_path: Path) -> None:
    out = tmp_path / "index"
    command = [sys.executable, "-c", HOLD, str(out)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdin is not None
        assert first.stdout.readline() == "writing\n"
        with pytest.raises(CommandError) as refusal, replace_folder(out):
            pytest.fail("the context was entered")
        assert str(refusal.value) == (
            f"another process writes to the index {out}; wait for its end, or give another --index"
        )
        with replace_folder(tmp_path / "index-2") as part:
            (part / "manifest.json").touch()
        first.stdin.write("\n")
    assert first.returncode == 0
    assert (out / "manifest.json").read_text("utf-8") == "of the other process"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "index-2"]


def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    out = write_folder(tmp_path / "index")
    command = [sys.executable, "-c", HOLD, str(out)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "writing\n"
        first.kill()
    with replace_folder(out) as part:
        (part / "manifest.json").write_text("new", "utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    assert (out / "manifest.json").read_text("utf-8") == "new"


def test_process_that_holds_the_lock_may_take_it_again(tmp_path: Path) -> None:
    out = tmp_path / "index"
    with lock_folder(out):
        with replace_folder(out) as part:
            (part / "manifest.json").touch()
        assert (tmp_path / ".index.lock").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_written_index_has_the_content_and_its_settings(profile: Profile, tmp_path: Path) -> None:
    content = make_content()
    written = write_index_folder(content, profile, tmp_path / "index", ignore_progress)
    manifest, usage = written.manifest, written.usage
    index = Index.open(tmp_path / "index")
    assert index.manifest == manifest
    assert [chunk.text for chunk in index.chunks] == [*TEXTS]
    assert (manifest.documents, manifest.chunking) == ({"0.txt": "0", "1.txt": "0", "2.txt": "0"}, {"chunk_size": 7})
    assert (manifest.language, manifest.chunks, manifest.embedding["provider"]) == ("english", 3, "offline")
    assert (usage.input_tokens, usage.cost, usage.cost_known) == (0, 0.0, True)


def test_each_text_is_nearest_to_its_own_vector(profile: Profile, tmp_path: Path) -> None:
    write_index_folder(make_content(), profile, tmp_path / "index", ignore_progress)
    index = Index.open(tmp_path / "index")
    for number in range(3):
        vector = index.vectors.get_vectors(np.array([number]))[0]
        assert index.search(vector, 3).positions[0] == number


def test_progress_counts_the_embedded_texts(profile: Profile, tmp_path: Path) -> None:
    progress: list[tuple[int, int]] = []
    write_index_folder(make_content(2), profile, tmp_path / "index", lambda *counts: progress.append(counts))
    assert progress == [(2, 2)]
