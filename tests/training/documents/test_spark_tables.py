"""Tables of a Spark catalog as documents, and the errors without a table or without Spark."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from model.errors import DocumentError
from tests.doors import spark_session
from training.documents.load import LoadOptions, load_documents


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    session = spark_session()
    rows = [("pump", "The pump needs oil.", 2024), ("fox", "A fox runs.", 2025), ("empty", None, 2026)]
    session.createDataFrame(rows, "title string, text string, year int").createOrReplaceTempView("manuals")
    yield session
    session.stop()


@pytest.mark.parametrize("name", ["manuals", "table:manuals"])
def test_table_rows_become_documents(name: str, spark: Any) -> None:
    assert spark.catalog.tableExists("manuals")
    loaded = load_documents([name])
    assert [
        (document.source, document.page, document.title, document.text, document.tags) for document in loaded.documents
    ] == [
        ("manuals", 1, "pump", "The pump needs oil.\n\nyear: 2024", ("title=pump", "year=2024")),
        ("manuals", 2, "fox", "A fox runs.\n\nyear: 2025", ("title=fox", "year=2025")),
        ("manuals", 3, "empty", "year: 2026", ("title=empty", "year=2026")),
    ]


def test_variant_that_ai_parse_document_filled_gives_the_pages_of_its_document(spark: Any) -> None:
    parsed = {"document": {"elements": [{"type": "text", "content": "The pump needs oil.", "bbox": [{"page_id": 3}]}]}}
    spark.sql(
        f"SELECT 'dbfs:/Volumes/a/pump.pdf' AS path, parse_json('{json.dumps(parsed)}') AS parsed"
    ).createOrReplaceTempView("parsed")
    (document,) = load_documents(["table:parsed"]).documents
    assert (document.source, document.page, document.text) == ("/Volumes/a/pump.pdf", 4, "The pump needs oil.")


@pytest.mark.parametrize("name", ["nope", "no such name"])
def test_missing_table_is_refused(name: str, spark: Any) -> None:
    assert not spark.catalog.tableExists("nope")
    with pytest.raises(DocumentError, match=rf"table {name}: the table does not exist, or you have no permission"):
        load_documents([f"table:{name}"], LoadOptions(is_strict=True))
    with pytest.raises(DocumentError, match=r"no file or folder matches .*; check the path, or name a table"):
        load_documents([name])


def test_table_without_pyspark_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    monkeypatch.delitem(sys.modules, "pyspark.sql")
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(
        DocumentError, match=r"a table needs pyspark, which is not installed; pip install -e '\.\[spark\]'"
    ):
        load_documents(["table:manuals"])
