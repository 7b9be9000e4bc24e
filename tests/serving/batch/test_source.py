"""Tables of each kind, folders of them and Delta tables give the same rows; what is no table is refused."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from serving.batch.source import open_source
from serving.errors import ServingError

ROWS: list[dict[str, Any]] = [
    {"id": "1", "question": "Why?"},
    {"id": "2", "question": None},
    {"id": "3", "question": 'a, "b"\nc'},
]


def write(path: Path, rows: list[dict[str, Any]] = ROWS) -> Path:
    """Write rows as a table of the kind that the path's suffix names; a Delta table when there is none."""
    match path.suffix:
        case ".parquet":
            pq.write_table(pa.Table.from_pylist(rows), path)
        case ".csv":
            cells = [["id", "question"], *([row["id"], row["question"] or ""] for row in rows)]
            quoted = [[f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in line] for line in cells]
            path.write_text("".join(f"{','.join(line)}\n" for line in quoted), "utf-8-sig")
        case ".jsonl":
            path.write_text("".join(f"{json.dumps(row)}\n\n" for row in rows), "utf-8")
        case _:
            write_deltalake(str(path), pa.Table.from_pylist(rows))
    return path


@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv", "rows.jsonl", "delta"])
def test_table_of_each_kind_gives_the_same_rows(name: str, tmp_path: Path) -> None:
    source = open_source(write(tmp_path / name))
    assert source.columns == ["id", "question"]
    assert list(source.read_rows()) == ROWS
    assert list(source.read_rows(["id"])) == [{"id": row["id"]} for row in ROWS]


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_folder_of_files_is_one_table(suffix: str, tmp_path: Path) -> None:
    for number, row in enumerate(ROWS):
        write(tmp_path / f"part-{number}{suffix}", [row])
    (tmp_path / "notes.txt").write_text("no table", "utf-8")
    assert [row["id"] for row in open_source(tmp_path).read_rows()] == ["1", "2", "3"]


def test_line_of_json_may_lack_what_is_absent(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"id": 1}\n{"id": 2, "question": "Why?"}\n', "utf-8")
    source = open_source(file)
    assert source.columns == ["id", "question"]
    assert list(source.read_rows()) == [{"id": 1, "question": None}, {"id": 2, "question": "Why?"}]


def test_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match=r"there is no .*nothing\.csv; a table of Spark's catalog needs --spark"):
        open_source(tmp_path / "nothing.csv")


@pytest.mark.parametrize("name", ["rows.txt", "empty", "mixed"])
def test_path_without_a_table_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text("a", "utf-8")
    (tmp_path / "empty").mkdir()
    (tmp_path / "mixed").mkdir()
    write(tmp_path / "mixed" / "a.csv")
    write(tmp_path / "mixed" / "b.jsonl")
    with pytest.raises(ServingError, match=r"is no table; expected a file that ends in \.parquet"):
        open_source(tmp_path / name)


@pytest.mark.parametrize(("name", "content"), [("a.parquet", b"PAR1"), ("a.jsonl", b"{"), ("a.jsonl", b"[1]\n")])
def test_damaged_file_is_refused_in_words(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ServingError, match="check that it is whole"):
        open_source(tmp_path / name)


def test_file_of_a_folder_that_lacks_a_column_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet")
    pq.write_table(pa.table({"id": ["4"]}), tmp_path / "b.parquet")
    with pytest.raises(ServingError, match=r"cannot read .*b.parquet .*id, question"):
        list(open_source(tmp_path).read_rows())
