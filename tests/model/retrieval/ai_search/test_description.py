"""Descriptions of AI Search indexes: what is written is read again, and each damage has its message."""

import json
from pathlib import Path
from typing import Any

import pytest

from model.errors import IndexFolderError
from model.retrieval.ai_search.description import REMOTE_KIND, RemoteIndex

REMEDY = "describe it again with python -m training build"


def make_description(**embedding: Any) -> RemoteIndex:
    return RemoteIndex(
        settings={"name": "main.docs.handbook", "tags": ["maße"]},
        endpoint="search",
        storage_optimized=True,
        rows=3,
        types={"text": "string"},
        embedding=embedding,
        dimension=1024,
    )


def read_message(folder: Path) -> str:
    with pytest.raises(IndexFolderError) as error:
        RemoteIndex.read(folder)
    return str(error.value)


def test_written_description_is_read_again(tmp_path: Path) -> None:
    description = make_description(provider="databricks", model="gte")
    description.write(tmp_path)
    assert RemoteIndex.read(tmp_path) == description
    assert description.name == "main.docs.handbook"


def test_description_is_a_readable_file_that_tells_its_kind(tmp_path: Path) -> None:
    make_description().write(tmp_path)
    text = (tmp_path / "manifest.json").read_text("utf-8")
    assert text.startswith('{\n "settings": {\n  "name": "main.docs.handbook",\n  "tags": [\n   "maße"\n')
    assert text.endswith(' "kind": "ai_search",\n "format": 1\n}\n')
    assert [file.name for file in tmp_path.iterdir()] == ["manifest.json"]


@pytest.mark.parametrize(
    ("embedding", "is_managed", "uses_own_embeddings"),
    [
        ({}, False, False),
        ({"provider": "databricks", "model": "gte"}, True, False),
        ({"provider": "openai", "model": "text", "fingerprint": [1.0]}, False, True),
        ({"provider": "openai", "model": "text", "fingerprint": []}, False, True),
    ],
)
def test_fingerprint_tells_who_embeds_questions(
    embedding: dict[str, Any], is_managed: bool, uses_own_embeddings: bool
) -> None:
    description = make_description(**embedding)
    assert (description.is_managed, description.uses_own_embeddings) == (is_managed, uses_own_embeddings)


def test_description_without_vectors_has_neither_embedding_nor_dimension() -> None:
    description = RemoteIndex({"name": "a.b.c"}, "search", storage_optimized=False, rows=0, types={})
    assert (description.embedding, description.dimension) == ({}, 0)
    assert (description.kind, description.format) == (REMOTE_KIND, 1)


def test_missing_description_says_how_to_describe(tmp_path: Path) -> None:
    assert read_message(tmp_path) == f"{tmp_path} describes no index (no manifest.json); {REMEDY}"


@pytest.mark.parametrize("content", [b"", b"{", b'{"kind": "\xff"}'])
def test_file_that_is_no_json_is_damaged(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    assert read_message(tmp_path) == f"{tmp_path / 'manifest.json'} is damaged; {REMEDY}"


@pytest.mark.parametrize(
    "entries",
    [
        [],
        5,
        None,
        {"format": 1},
        {"kind": "ai_search"},
        {"kind": "ai_search", "format": 2},
        {"kind": "faiss", "format": 1},
    ],
)
def test_other_kind_or_format_is_no_description(entries: object, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(entries), "utf-8")
    assert read_message(tmp_path) == f"{tmp_path} holds an index, and this profile's lies in AI Search; {REMEDY}"


@pytest.mark.parametrize("change", [{"rows": None}, {"colour": "red"}])
def test_missing_or_unknown_entry_is_reported(change: dict[str, object], tmp_path: Path) -> None:
    make_description().write(tmp_path)
    entries = json.loads((tmp_path / "manifest.json").read_text("utf-8")) | change
    remaining_entries = {name: value for name, value in entries.items() if value is not None}
    (tmp_path / "manifest.json").write_text(json.dumps(remaining_entries), "utf-8")
    assert read_message(tmp_path) == f"{tmp_path / 'manifest.json'} lacks entries; {REMEDY}"
