"""Rows of CSV, workbooks and Parquet."""

import io
from pathlib import Path
from typing import Any

import pytest

from model.errors import DocumentError
from training.documents.load import load_documents
from training.documents.loaders import ColumnRoles, tables

from .conftest import ReadContent


def test_row_shows_all_columns_and_has_tags(read_content: ReadContent) -> None:
    documents, notes = read_content("a.csv", "part,price,hall\nPX-100,12.40 EUR,B\nPX-200,88.00 EUR,C\n")
    assert [(document.page, document.text) for document in documents] == [
        (1, "part: PX-100\nprice: 12.40 EUR\nhall: B"),
        (2, "part: PX-200\nprice: 88.00 EUR\nhall: C"),
    ]
    assert documents[1].tags == ("part=PX-200", "price=88.00 EUR", "hall=C")
    assert notes == []


@pytest.mark.parametrize(
    "content",
    [
        "City;Note\nGraz;Opens, at six.\n",
        "sep=;\r\nCity;Note\r\nGraz;Opens, at six.\r\n",
        "\ufeffCity;Note\nGraz;Opens, at six.\n",
        'City,Note\nGraz,"Opens, at six."\n',
        "City\tNote\nGraz\tOpens, at six.\n",
        "City|Note\nGraz|Opens, at six.\n",
        '"City";"Note"\n"Graz";"Opens, at six."\n',
        "City;Note\nGraz;Opens, at six.\n".encode("utf-16"),
    ],
)
def test_delimiter_quotes_and_encoding_are_recognised(content: str | bytes, read_content: ReadContent) -> None:
    (document,), notes = read_content("a.csv", content)
    assert (document.text, notes) == ("City: Graz\nNote: Opens, at six.", [])


def test_ragged_rows_are_kept_and_noted_by_their_number(read_content: ReadContent) -> None:
    documents, notes = read_content("a.csv", "a,b\n1,2\n3\n4,5,6\n")
    assert [document.text for document in documents] == ["a: 1\nb: 2", "a: 3", "a: 4\nb: 5\ncolumn 3: 6"]
    assert notes == ["rows with another number of cells than the header: 3, 4; they were kept"]


def test_cell_may_hold_lines_and_be_long(read_content: ReadContent) -> None:
    documents, _ = read_content("a.csv", f'k,v\na,"one\ntwo"\nb,{"x" * 300_000}\n')
    assert documents[0].text == "one\ntwo\n\nk: a"
    assert len(documents[1].text) == 300_006


def test_text_column_is_chosen_once_for_all_rows(read_content: ReadContent) -> None:
    sentence = "The pump needs oil once a year, and the valve needs a new ring every second year, as it wears in cold."
    rows = [["name", "role", "note"], ["A", "Head of procurement", sentence], ["B", "long " * 30, sentence]]
    content = "\n".join(",".join(f'"{cell}"' for cell in row) for row in rows)
    documents, _ = read_content("a.csv", content)
    assert [document.blocks[0].text for document in documents] == [sentence, sentence]


def test_named_columns_go_before_the_usual_names(read_content: ReadContent) -> None:
    roles = ColumnRoles(text="note", title="code", tags=["text"])
    (document,), _ = read_content("a.csv", f"code,text,note\nE1,{'t' * 100},Close the lid.\n", roles)
    assert (document.title, document.blocks[0].text) == ("E1", "Close the lid.")
    assert f"text={'t' * 100}" in document.tags


def test_question_column_is_joined_with_its_answer(read_content: ReadContent) -> None:
    (document,), _ = read_content("faq.csv", "question,answer\nHow long?,Six months.\n")
    assert (document.title, document.blocks[0].kind) == ("How long?", "question")


def test_table_without_a_header_gets_numbered_columns(read_content: ReadContent) -> None:
    documents, _ = read_content("a.csv", "Graz,17\nLinz,18\n")
    assert [document.text for document in documents] == [
        "column 1: Graz\ncolumn 2: 17",
        "column 1: Linz\ncolumn 2: 18",
    ]


def make_workbook(**settings: Any) -> bytes:
    import xlsxwriter

    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True} | settings) as workbook:
        sheet = workbook.add_worksheet("Budget")
        date = workbook.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, ["Budget of the plant"])
        sheet.write_row(2, 0, ["Site", "Amount", "Due"])
        sheet.write_row(3, 0, ["Graz", 1250.5])
        sheet.write_number(3, 2, 45717, date)
        sheet.write_row(4, 0, ["Linz"])
        sheet.write_formula(4, 1, "=B4*2", None, 2501)
        workbook.add_worksheet("Empty")
        hidden = workbook.add_worksheet("Secret")
        hidden.write_row(0, 0, ["a", "b"])
        hidden.hide()
    return content.getvalue()


def test_workbook_gives_rows_below_the_header_with_the_sheet_as_heading(read_content: ReadContent) -> None:
    documents, notes = read_content("a.xlsx", make_workbook())
    assert [document.text for document in documents] == [
        "# Budget > Budget of the plant\n\nSite: Graz\nAmount: 1250.5\nDue: 2025-03-01",
        "# Budget > Budget of the plant\n\nSite: Linz\nAmount: 2501",
    ]
    assert [document.page for document in documents] == [1, 2]
    assert notes == ["the sheet Secret is hidden or no table, and was passed over"]


def test_parquet_gives_its_rows(read_content: ReadContent) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([{"name": "Pump", "year": 1987}, {"name": None, "year": 1988}]), content)
    documents, _ = read_content("a.parquet", content.getvalue())
    assert [document.text for document in documents] == ["name: Pump\nyear: 1987", "year: 1988"]


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [("MAX_UNPACKED_BYTES", 10_000, "more than 10,000 bytes"), ("_MAX_CELLS", 99, "more than 99 cells")],
)
def test_parquet_that_unpacks_into_too_much_is_refused(
    read_content: ReadContent, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, words: str
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    monkeypatch.setattr(tables, limit, value)
    content = io.BytesIO()
    pq.write_table(pa.table({"text": ["x" * 1000] * 100}), content)  # the value is stored once
    assert len(content.getvalue()) < 10_000
    with pytest.raises(DocumentError, match=words):
        read_content("a.parquet", content.getvalue())


def test_file_that_needs_too_much_memory_is_skipped_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    (tmp_path / "a.csv").write_text("name,price\nPump,12\n", "utf-8")
    (tmp_path / "b.md").write_text("# Pump\n\nIt costs 12 euros.\n", "utf-8")
    monkeypatch.setattr(tables, "_load_sheet", fail)
    loaded = load_documents([tmp_path])
    assert [document.source for document in loaded.documents] == ["b.md"]
    assert [skipped.reason for skipped in loaded.skipped] == ["the file needs more memory than there is; split it"]
