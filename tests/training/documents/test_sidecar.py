"""Metadata of a file in the JSON file beside it."""

import json
from pathlib import Path

import pytest

from training.documents.load import LoadResult, load_documents

URL = "https://example.org/plans/7"


def load_with_sidecar(folder: Path, metadata: object, text: str = "# Plan\n\nThe plan.\n") -> LoadResult:
    (folder / "plan.md").write_text(text, "utf-8")
    content = metadata if isinstance(metadata, str) else json.dumps(metadata)
    (folder / "plan.md.metadata.json").write_text(content, "utf-8")
    return load_documents([folder])


@pytest.mark.parametrize("wrapped", [False, True])
def test_metadata_become_title_and_tags(wrapped: bool, tmp_path: Path) -> None:
    metadata = {"url": URL, "title": "The plan of 2026", "team": {"name": "Water"}, "year": 2026}
    loaded = load_with_sidecar(tmp_path, {"metadataAttributes": metadata} if wrapped else metadata)
    (document,) = loaded.documents
    assert (document.title, document.tags) == ("The plan of 2026", (f"url={URL}", "team.name=Water", "year=2026"))
    assert (loaded.notes, loaded.skipped) == ([], [])


def test_metadata_beside_the_file_replace_those_in_it(tmp_path: Path) -> None:
    text = "---\ntitle: Draft\nurl: https://example.org/draft\nowner: Ana\n---\n\nThe plan.\n"
    (document,) = load_with_sidecar(tmp_path, {"url": URL}, text).documents
    assert document.title == "Draft"
    assert document.tags == ("owner=Ana", f"url={URL}")


@pytest.mark.parametrize("content", ["[1]", "{", '{"metadataAttributes": 1}', "x" * 100_001])
def test_damaged_metadata_are_noted_and_the_document_is_read(content: str, tmp_path: Path) -> None:
    loaded = load_with_sidecar(tmp_path, content)
    assert [document.source for document in loaded.documents] == ["plan.md"]
    (note,) = loaded.notes
    assert note.sentence.startswith("has no metadata, since plan.md.metadata.json is no JSON object")


def test_json_file_with_such_a_name_and_no_file_beside_it_is_a_document(tmp_path: Path) -> None:
    (tmp_path / "plan.metadata.json").write_text('{"owner": "Ana"}', "utf-8")
    assert [document.source for document in load_documents([tmp_path]).documents] == ["plan.metadata.json"]
