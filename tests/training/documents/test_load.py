"""Documents that are read, skipped or refused."""

from pathlib import Path

import pytest

from model.blocks import make_heading, make_paragraph
from model.errors import DocumentError
from training.documents.document import Document
from training.documents.load import DocumentNote, LoadOptions, SkippedDocument, load_documents


def write_files(folder: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        file = folder / name.replace("__", "/").replace("_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def test_folder_gives_its_text_and_markdown_files(tmp_path: Path) -> None:
    write_files(
        tmp_path, b_md="# B", a__c_txt="C\r\nD", a__d_markdown="D", e_TXT="\ufeffE", f_pdf="%PDF", _git__x_txt="x"
    )
    loaded = load_documents([tmp_path])
    assert loaded.documents == [
        Document("a/c.txt", (make_paragraph("C\nD"),)),
        Document("a/d.markdown", (make_paragraph("D"),)),
        Document("b.md", (make_heading("B", 1),)),
        Document("e.TXT", (make_paragraph("E"),)),
    ]
    assert loaded.skipped == [
        SkippedDocument(
            str(tmp_path / "f.pdf"),
            "the document cannot be read (PdfiumError); check that it is complete and not damaged",
        )
    ]


def test_single_file_has_its_file_name_as_source(tmp_path: Path) -> None:
    write_files(tmp_path, a__c_txt="C")
    assert [document.source for document in load_documents([tmp_path / "a" / "c.txt"]).documents] == ["c.txt"]


def test_empty_file_is_skipped(tmp_path: Path) -> None:
    write_files(tmp_path, a_txt="A", b_txt=" \n")
    skipped = SkippedDocument(str(tmp_path / "b.txt"), "the file is empty")
    assert load_documents([tmp_path]).skipped == [skipped]


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DocumentError, match=r"^no readable document was found; --documents takes tables, and folders, files"
    ):
        load_documents([tmp_path])


def test_empty_location_is_refused_instead_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write_files(tmp_path, a_txt="A"))
    with pytest.raises(DocumentError, match=r"^--documents is empty; expected a folder, file, pattern"):
        load_documents([""])


def test_missing_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"no file or folder matches .*nope; check the path"):
        load_documents([tmp_path / "nope"])


def test_binary_file_is_refused_when_strict(tmp_path: Path) -> None:
    write_files(tmp_path, a_txt="A", b_txt=b"PK\x03\x04\x00\x00")
    with pytest.raises(DocumentError, match=r"b\.txt: the file is not text \(it contains null bytes\)"):
        load_documents([tmp_path], LoadOptions(is_strict=True))


def test_text_in_another_encoding_is_read_and_noted(tmp_path: Path) -> None:
    write_files(tmp_path, a_txt="first line\nzweite Zeile: Größe".encode("latin-1"))
    loaded = load_documents([tmp_path])
    assert [document.text for document in loaded.documents] == ["first line\nzweite Zeile: Größe"]
    assert loaded.notes == [DocumentNote(str(tmp_path / "a.txt"), "is not UTF-8 and was read as cp1252")]


def test_the_same_file_twice_is_refused(tmp_path: Path) -> None:
    write_files(tmp_path, a__x_txt="A")
    with pytest.raises(
        DocumentError, match=r"two documents have the source x\.txt; name the folder that contains both"
    ):
        load_documents([tmp_path / "a" / "x.txt", tmp_path / "a" / "x.txt"])


def test_files_are_counted_by_kind(tmp_path: Path) -> None:
    write_files(tmp_path, a_txt="A", b_txt="B", c_md="C", d_bmp="D")
    loaded = load_documents([tmp_path])
    assert loaded.kinds == {"text": 2, "Markdown": 1}
    assert [Path(skipped.location).name for skipped in loaded.skipped] == ["d.bmp"]


def test_base_url_becomes_the_tag_url_of_each_file(tmp_path: Path) -> None:
    write_files(tmp_path, a_txt="A")
    (tmp_path / "b c.md").write_text("---\nurl: https://wiki.example/b\n---\nB", "utf-8")
    documents = load_documents([tmp_path], LoadOptions(base_url="https://files.example/docs/")).documents
    assert [document.tags for document in documents] == [
        ("url=https://files.example/docs/a.txt",),
        ("url=https://wiki.example/b",),
    ]


def test_evaluation_file_among_the_documents_is_refused(tmp_path: Path) -> None:
    write_files(tmp_path, a_txt="A", rows_jsonl='{"question": "A?", "answer": "A"}')
    write_files(tmp_path / "apart", rows_jsonl='{"question": "A?", "answer": "A"}')
    with pytest.raises(DocumentError, match=r"rows\.jsonl is one of the documents, so each question would find"):
        load_documents([tmp_path / "*.*"], LoadOptions(evaluation=tmp_path / "rows.jsonl"))
    options = LoadOptions(evaluation=tmp_path / "apart" / "rows.jsonl")
    assert len(load_documents([tmp_path / "a.txt"], options).documents) == 1
    assert len(load_documents([tmp_path / "rows.jsonl"], options).documents) == 1
