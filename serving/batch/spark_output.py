"""The output of a batch in Spark: folders of Parquet files, of which each row is in one.

A micro-batch of the stream has a folder of its number. Rows that options choose from the whole table (a sample, failed
ones, changed ones) have a folder of their own, and replace the rows with the same keys in the others.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .counts import BatchTotals
from .parts import LEDGER_FOLDER

_STREAM_NAME, _CHOSEN_NAME = "batch-{:06}", "batch-chosen-{:06}"
_ALL, _ALL_CHOSEN = "batch-*", "batch-chosen-*"
_FOLDER_OF_FILE = r"/(batch-[^/]+)/[^/]*$"
_FACTS_FILE, _REWRITTEN_FOLDER, _OLD_SUFFIX = "facts.json", "rewritten", ".old"
_WRITING, _REPLACING = "writing", "replacing"


class SparkOutput:
    """The folders of a batch in Spark, and what is noted of it beside them.

    Attributes:
        ledger_folder: The folder of the checkpoint, of replies, and of what is noted of the batch.
        facts: What is noted, by name; empty before the first run.
    """

    def __init__(self, folder: Path, key_column: str) -> None:
        """Open the output in a folder, whose rows have their key in the column of this name."""
        self._folder, self._key_column = folder.absolute(), key_column
        self.ledger_folder = self._folder / LEDGER_FOLDER
        file = self.ledger_folder / _FACTS_FILE
        self.facts: dict[str, str] = json.loads(file.read_text("utf-8")) if file.exists() else {}

    def write_facts(self, **facts: str) -> None:
        """Note facts of the batch by name, atomically."""
        self.facts |= facts
        unfinished = self.ledger_folder / f"{_FACTS_FILE}.new"
        unfinished.write_text(json.dumps(self.facts), "utf-8")
        unfinished.replace(self.ledger_folder / _FACTS_FILE)

    def name_stream_folder(self, number: int) -> str:
        """Return the folder of a micro-batch."""
        return str(self._folder / _STREAM_NAME.format(number))

    def list_folders(self) -> list[str]:
        """Return the folders of answers."""
        return sorted(str(path) for path in self._folder.glob(_ALL))

    def read(self, session: Any, without: str = "") -> Any | None:
        """Return the rows of all folders but one; None where there is none."""
        folders = [folder for folder in self.list_folders() if folder != without]
        return session.read.parquet(*folders) if folders else None

    def write_chosen(self, rows: Any) -> str:
        """Write rows that options chose, remove those that they replace, and return their folder.

        What is half done when the process ends is mended by ``repair``.
        """
        number = len(list(self._folder.glob(_ALL_CHOSEN)))
        folder = self._folder / _CHOSEN_NAME.format(number)
        self.write_facts(**{_WRITING: folder.name})
        rows.write.parquet(str(folder))
        self.write_facts(**{_WRITING: "", _REPLACING: folder.name})
        self._remove_replaced(rows.sparkSession, folder)
        return str(folder)

    def repair(self, session: Any) -> None:
        """Finish what a run left half done: chosen rows that are not whole go, and what others replace does."""
        rewritten = self.ledger_folder / _REWRITTEN_FOLDER
        for old in rewritten.glob(f"*{_OLD_SUFFIX}"):
            if not (folder := self._folder / old.stem).exists():
                old.rename(folder)
        shutil.rmtree(rewritten, ignore_errors=True)
        if name := self.facts.get(_WRITING):
            shutil.rmtree(self._folder / name, ignore_errors=True)
            self.write_facts(**{_WRITING: ""})
        if name := self.facts.get(_REPLACING):
            self._remove_replaced(session, self._folder / name)

    def sum_up(self, session: Any, folders: Sequence[str]) -> tuple[BatchTotals, dict[str, int]]:
        """Return sums over the rows of folders, and the numbers of failed rows by code, the most frequent one first."""
        from pyspark.sql import functions as F

        if not folders:
            return BatchTotals(0, 0, 0.0, 0, 0.0), {}
        sums = {
            "rows": F.count("*"),
            "cost": F.sum("cost"),
            "tokens": F.sum(F.col("usage.input_tokens") + F.col("usage.output_tokens")),
            "seconds": F.sum("seconds"),
        }
        rows = session.read.parquet(*folders).groupBy(find_code_of_row().alias("code"))
        groups = rows.agg(*(column.alias(name) for name, column in sums.items())).collect()
        groups.sort(key=lambda row: (-row["rows"], row["code"]))
        errors = {str(row["code"]): int(row["rows"]) for row in groups if row["code"]}
        total = {name: sum(row[name] or 0 for row in groups) for name in sums}
        return BatchTotals(failures=sum(errors.values()), **total), errors

    def _remove_replaced(self, session: Any, chosen: Path) -> None:
        """Rewrite the folders that have rows with keys of the chosen ones, without these rows."""
        from pyspark.sql import functions as F

        keys = session.read.parquet(str(chosen)).select(self._key_column)
        others = self.read(session, without=str(chosen))
        if others is not None:
            name = F.regexp_extract(F.col("_metadata.file_path"), _FOLDER_OF_FILE, 1).alias("folder")
            with_names = others.select(self._key_column, name).join(keys, self._key_column, "left_semi")
            for row in with_names.select("folder").distinct().collect():
                self._rewrite(session, row["folder"], keys)
        self.write_facts(**{_REPLACING: ""})

    def _rewrite(self, session: Any, name: str, removed_keys: Any) -> None:
        folder, rewritten = self._folder / name, self.ledger_folder / _REWRITTEN_FOLDER
        rows = session.read.parquet(str(folder)).join(removed_keys, self._key_column, "left_anti")
        rows.write.mode("overwrite").parquet(str(rewritten / name))
        old = folder.rename(rewritten / f"{name}{_OLD_SUFFIX}")
        (rewritten / name).rename(folder)
        shutil.rmtree(old)


def find_code_of_row() -> Any:
    """Return the code of a row's error as a column; empty for a row without one."""
    from pyspark.sql import functions as F

    return F.when(F.col("error") == "", "").otherwise(F.substring_index("error", ":", 1))
