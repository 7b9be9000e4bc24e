"""Manifests: what is written is read again, and each damage has its message."""

import hashlib
import json
from pathlib import Path

import pytest

from model.errors import IndexFolderError
from model.retrieval.local import manifest
from model.retrieval.local.manifest import INDEX_FORMAT, MANIFEST_FILE, Manifest, compute_checksum, compute_checksums

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""SHA-256 of no bytes."""


def make_manifest(files: dict[str, str] | None = None) -> Manifest:
    return Manifest(
        documents={"maße.md": "d1"},
        chunks=3,
        dimension=2,
        embedding={"provider": "offline", "model": "hashed", "fingerprint": [0.6, 0.8]},
        chunking={"chunk_size": 800, "overlap": 80},
        language="german",
        files=files or {},
        search={"kind": "flat", "width": 0, "recall": 1.0},
    )


def write_entries(folder: Path, **entries: object) -> None:
    (folder / MANIFEST_FILE).write_text(json.dumps(entries), "utf-8")


def read_message(folder: Path) -> str:
    with pytest.raises(IndexFolderError) as error:
        Manifest.read(folder)
    return str(error.value)


def test_written_manifest_is_read_again(tmp_path: Path) -> None:
    make_manifest({"chunks.jsonl": "c1"}).write(tmp_path)
    assert Manifest.read(tmp_path) == make_manifest({"chunks.jsonl": "c1"})


def test_manifest_is_readable_json_with_format_and_metric(tmp_path: Path) -> None:
    make_manifest().write(tmp_path)
    text = (tmp_path / "manifest.json").read_text("utf-8")
    assert text.startswith('{\n "documents": {\n  "maße.md": "d1"\n },\n "chunks": 3,\n')
    assert text.endswith(' "metric": "inner_product",\n "format": 4\n}\n')


@pytest.mark.parametrize("text", ["", "{", "\ufeff{}"])
def test_file_that_is_no_json_is_damaged(text: str, tmp_path: Path) -> None:
    (tmp_path / MANIFEST_FILE).write_text(text, "utf-8")
    assert read_message(tmp_path) == f"{tmp_path / 'manifest.json'} is damaged; build the index again"


def test_file_that_is_no_utf_8_is_damaged(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_FILE).write_bytes(b'{"a": "\xff"}')
    assert read_message(tmp_path) == f"{tmp_path / 'manifest.json'} is damaged; build the index again"


@pytest.mark.parametrize("text", ["[]", "3", "null", "{}", '{"format": "3"}', '{"format": 3.0}', '{"kind": "x"}'])
def test_json_without_a_format_is_no_manifest(text: str, tmp_path: Path) -> None:
    (tmp_path / MANIFEST_FILE).write_text(text, "utf-8")
    assert read_message(tmp_path) == f"{tmp_path / 'manifest.json'} is not an index manifest; build the index again"


def test_missing_manifest_says_how_to_build(tmp_path: Path) -> None:
    assert read_message(tmp_path) == (
        f"{tmp_path} holds no index (no manifest.json); build one with python -m training build"
    )


@pytest.mark.parametrize("index_format", [1, INDEX_FORMAT])
def test_description_of_a_remote_index_is_recognised_before_its_format(index_format: int, tmp_path: Path) -> None:
    write_entries(tmp_path, kind="ai_search", format=index_format)
    assert read_message(tmp_path) == (f"{tmp_path} describes an index that lies elsewhere; build this profile's own")


@pytest.mark.parametrize("index_format", [0, 2, 3, 5])
def test_other_format_is_named_beside_the_readable_format(index_format: int, tmp_path: Path) -> None:
    write_entries(tmp_path, format=index_format)
    assert read_message(tmp_path) == (
        f"{tmp_path} has index format {index_format}, and this version reads 4; "
        "build the index again, or use the multichain that it was built with"
    )


@pytest.mark.parametrize("change", [{"chunks": None}, {"colour": "red"}])
def test_missing_or_unknown_entry_is_reported(change: dict[str, object], tmp_path: Path) -> None:
    make_manifest().write(tmp_path)
    entries = json.loads((tmp_path / MANIFEST_FILE).read_text("utf-8")) | change
    write_entries(tmp_path, **{name: value for name, value in entries.items() if value is not None})
    assert read_message(tmp_path) == f"{tmp_path / 'manifest.json'} lacks entries; build the index again"


def test_checksum_is_the_sha_256_of_the_content(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "large").write_bytes(content)
    (tmp_path / "empty").touch()
    assert compute_checksum(tmp_path / "large") == hashlib.sha256(content).hexdigest()
    assert compute_checksum(tmp_path / "empty") == EMPTY


def test_checksums_cover_all_files_below_but_no_manifest(tmp_path: Path) -> None:
    for name in ("b", "a/c", "a/b/d", "a-z", MANIFEST_FILE, f"a/{MANIFEST_FILE}"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "empty folder").mkdir()
    assert list(compute_checksums(tmp_path).items()) == [(name, EMPTY) for name in ("a/b/d", "a/c", "a-z", "b")]


def test_unchanged_files_are_verified(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    make_manifest({"a": EMPTY}).verify_files(tmp_path)
    (tmp_path / "further").write_text("is in no manifest", "utf-8")
    make_manifest({"a": EMPTY}).verify_files(tmp_path)


def test_file_is_read_again_only_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").touch()
    checksum, reads = manifest.compute_checksum, []
    monkeypatch.setattr(manifest, "compute_checksum", lambda file: reads.append(file.name) or checksum(file))
    for _ in range(3):
        make_manifest({"a": EMPTY}).verify_files(tmp_path)
    assert reads == ["a"]
    (tmp_path / "a").write_text("more", "utf-8")
    with pytest.raises(IndexFolderError, match="not what was built"):
        make_manifest({"a": EMPTY}).verify_files(tmp_path)
    assert reads == ["a", "a"]


def test_first_changed_or_missing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "b").write_text("more", "utf-8")
    (tmp_path / "folder").mkdir()
    messages = []
    for files in ({"a": EMPTY, "b": EMPTY, "c": EMPTY}, {"c": EMPTY, "b": EMPTY}, {"folder": EMPTY}):
        with pytest.raises(IndexFolderError) as error:
            make_manifest(files).verify_files(tmp_path)
        messages.append(str(error.value))
    assert messages == [
        f"{tmp_path / 'b'} is not what was built (its checksum differs); build the index again",
        f"{tmp_path / 'c'} is missing; build the index again",
        f"{tmp_path / 'folder'} is missing; build the index again",
    ]
