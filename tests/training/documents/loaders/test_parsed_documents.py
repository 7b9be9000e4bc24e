"""Tables whose column ``ai_parse_document`` filled."""

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from training.documents.loaders.parsed_documents import find_parsed_column

from .conftest import ReadContent

TABLE = "<table><tr><th>zone</th><th>price</th></tr><tr><td>A</td><td>2.80</td></tr></table>"
PARSED = {
    "document": {
        "pages": [{"id": 0}, {"id": 1}],
        "elements": [
            {"type": "page_header", "content": "Transit 2026", "bbox": [{"page_id": 0}]},
            {"type": "title", "content": "Tariffs", "bbox": [{"page_id": 0, "coord": [1, 2, 3, 4]}]},
            {"type": "section_header", "content": "Single tickets", "bbox": [{"page_id": 0}]},
            {"type": "caption", "content": "Prices in euros:", "bbox": [{"page_id": 0}]},
            {"type": "table", "content": TABLE, "bbox": [{"page_id": 0}]},
            {"type": "text", "content": "Dogs travel free.", "bbox": [{"page_id": 1}]},
            {"type": "figure", "content": None, "description": "A map of the zones.", "bbox": [{"page_id": 1}]},
            {"type": "footnote", "content": "Valid from May.", "bbox": []},
            {"type": "page_number", "content": "2", "bbox": [{"page_id": 1}]},
        ],
    },
    "error_status": [{"error_message": "timeout", "page_id": 2}],
    "metadata": {"version": "2.0"},
}


def make_parquet(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def test_elements_become_the_blocks_of_their_pages(read_content: ReadContent) -> None:
    row = {"path": "dbfs:/Volumes/a/tariffs.pdf", "team": "sales", "content": b"%PDF", "parsed": json.dumps(PARSED)}
    documents, notes = read_content("parsed.parquet", make_parquet([row]))
    assert [(document.source, document.title, document.page) for document in documents] == [
        ("/Volumes/a/tariffs.pdf", "Tariffs", 1),
        ("/Volumes/a/tariffs.pdf", "Tariffs", 2),
    ]
    assert [(block.kind, block.text) for block in documents[0].blocks] == [
        ("heading", "Tariffs"),
        ("heading", "Single tickets"),
        ("table", "Prices in euros:\n| zone | price |\n| --- | --- |\n| A | 2.80 |"),
    ]
    assert [(block.kind, block.text) for block in documents[1].blocks] == [
        ("heading", "Tariffs"),
        ("heading", "Single tickets"),
        ("paragraph", "Dogs travel free."),
        ("picture", "A map of the zones."),
        ("note", "Valid from May."),
    ]
    assert documents[0].tags == ("path=dbfs:/Volumes/a/tariffs.pdf", "team=sales")
    assert notes == ["pages of /Volumes/a/tariffs.pdf that ai_parse_document could not read: 3"]


def test_pages_of_version_1_are_read_as_markdown(read_content: ReadContent) -> None:
    parsed = {"document": {"pages": [{"id": 0, "content": "# Rules\n\n- One\n- Two"}]}, "metadata": {"version": "1.0"}}
    (document,), _ = read_content("parsed.parquet", make_parquet([{"parsed": json.dumps(parsed)}]))
    assert (document.source, document.page) == ("parsed.parquet/1", 1)
    assert [block.kind for block in document.blocks] == ["heading", "list"]


def test_rows_without_a_document_are_noted_by_number(read_content: ReadContent) -> None:
    rows = [{"name": "a.pdf", "parsed": json.dumps(PARSED)}, {"name": "b.pdf", "parsed": None}]
    documents, notes = read_content("parsed.parquet", make_parquet(rows))
    assert {document.source for document in documents} == {"a.pdf"}
    assert notes[-1] == "rows without a parsed document were passed over: 2"


@pytest.mark.parametrize(
    "value", [None, 1, "text", "{", '{"document": 1}', '{"document": {"x": 1}}', {"elements": []}, '{"document": ']
)
def test_other_values_are_no_parsed_document(value: object) -> None:
    assert find_parsed_column({"a": value}) == ""
    assert find_parsed_column({"a": value, "b": {"document": {"elements": []}}}) == "b"
