"""Index folders: files, manifest, searches, and an error for each damage."""

import asyncio
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from model.errors import IndexFolderError
from model.profile import Profile
from model.retrieval.local.index import Index
from model.retrieval.local.manifest import INDEX_FORMAT

POSTINGS = ["ends.npy", "idf.npy", "low.npy", "terms.json"]
WINDOWS = ["chunk_starts.npy", "first_windows.npy", "last_windows.npy", "norms.npy"]
LEXICAL = ["chunk_languages.npy", "languages.json", *(f"windows/{name}" for name in sorted([*POSTINGS, *WINDOWS]))]
LEXICAL += [f"words/{name}" for name in [*POSTINGS, "weights.npy"]]
FILES = ["chunks.jsonl", "index.faiss", *(f"lexical/{name}" for name in LEXICAL), "manifest.json"]


@pytest.fixture
def folder(index_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(index_folder, tmp_path / "index"))


def change_manifest(manifest: Path, **entries: object) -> None:
    manifest.write_text(json.dumps(json.loads(manifest.read_text("utf-8")) | entries), "utf-8")


def test_folder_contains_all_files_and_manifest_entries(folder: Path) -> None:
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == FILES
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert sorted(manifest["files"]) == FILES[:-1]
    entries = {name: manifest[name] for name in ("chunks", "dimension", "metric", "format", "language", "chunking")}
    assert entries == {
        "chunks": 3,
        "dimension": 2048,
        "metric": "inner_product",
        "format": INDEX_FORMAT,
        "language": "auto",
        "chunking": {"chunk_size": 1200, "overlap": 120},
    }
    assert sorted(manifest["documents"]) == ["azure-databricks.txt", "gpt-4.txt", "langchain.txt"]
    assert (manifest["embedding"]["provider"], manifest["embedding"]["model"]) == ("offline", "char_wb-3-5-2048")
    assert np.linalg.norm(manifest["embedding"]["fingerprint"]) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("name", FILES[:-1])
def test_changed_byte_in_a_file_is_detected(name: str, folder: Path) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(IndexFolderError) as error:
        Index.open(folder)
    assert str(error.value) == f"{folder / name} is not what was built (its checksum differs); build the index again"


def test_missing_file_is_named_in_the_error(folder: Path) -> None:
    (folder / "chunks.jsonl").unlink()
    with pytest.raises(IndexFolderError, match=r"chunks\.jsonl is missing; build the index again$"):
        Index.open(folder)


def test_folder_without_a_manifest_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(
        IndexFolderError, match=r"holds no index \(no manifest\.json\); build one with python -m training"
    ):
        Index.open(tmp_path)


@pytest.mark.parametrize("index_format", [INDEX_FORMAT - 1, INDEX_FORMAT + 1])
def test_index_of_another_format_is_rejected(index_format: int, folder: Path) -> None:
    change_manifest(folder / "manifest.json", format=index_format)
    with pytest.raises(
        IndexFolderError,
        match=f"has index format {index_format}, and this version reads {INDEX_FORMAT}; build the index",
    ):
        Index.open(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"format": "2"}'])
def test_invalid_manifest_is_rejected(text: str, folder: Path) -> None:
    (folder / "manifest.json").write_text(text, "utf-8")
    with pytest.raises(IndexFolderError, match="build the index again"):
        Index.open(folder)


def test_manifest_without_required_entries_is_rejected(folder: Path) -> None:
    (folder / "manifest.json").write_text(json.dumps({"format": INDEX_FORMAT}), "utf-8")
    with pytest.raises(IndexFolderError, match=r"manifest\.json lacks entries"):
        Index.open(folder)


def test_search_returns_the_nearest_of_the_allowed_positions(folder: Path, profile: Profile) -> None:
    index = Index.open(folder)
    vector = asyncio.run(profile.make_embedder().embed([index.chunks[2].searchable_text]))[0]
    nearest = index.search(vector, 3)
    assert nearest.positions[0] == 2
    assert nearest.scores[0] == pytest.approx(1.0, abs=1e-5)
    assert index.search(vector, 3, np.array([0, 1])).positions.tolist() == [1, 0]
    assert not len(index.search(vector, 3, np.array([], dtype=np.int64)).positions)


def test_positions_matching_applies_every_filter(folder: Path) -> None:
    index = Index.open(folder)
    assert index.positions_matching({"source": "gpt-4.txt"}).tolist() == [1]
    assert index.positions_matching({"source": ["gpt-4.txt", "langchain.txt"], "page": 0}).tolist() == [1, 2]
    assert index.positions_matching({"title": "nope"}).tolist() == []


def test_index_has_no_method_that_changes_it(folder: Path) -> None:
    """FAISS aborts the process when vectors are added to a mapped index, so no method of Index adds any."""
    assert not {"add", "update", "remove", "save"} & set(dir(Index.open(folder)))
