"""Run a batch in Spark: the new files or rows of a table, by Structured Streaming, each answered once.

A checkpoint beside the output knows which files or rows of the source were answered, so that the same command asks the
new ones alone. A micro-batch is written to a folder of its own number, which a repeated micro-batch replaces, and rows
whose keys are in other folders are left out. A sample, changed rows and failed ones are chosen from the whole table.
"""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from ..doors.described_stage import DescribedStage
from ..errors import ServingError
from .counts import BatchCounts, BatchPlan, BatchTotals
from .ledger import lock_target
from .mapping import KEY_LENGTH, RowMapping, check_key_column, make_mapping
from .options import ALL_CODES, BatchOptions, check_earlier_run
from .parts import USAGE_FIELDS
from .row_answers import count_repaid_calls, reply_variables
from .spark_output import SparkOutput, find_code_of_row

_CHECKPOINT, _WORKERS_FOLDER = "spark", "workers"
_DEFAULT_PARTITIONS = 8
_RUNNING = "running"


@dataclass(frozen=True, slots=True)
class SparkBatch:
    """What a batch in Spark answers, and by what.

    Attributes:
        options: What is asked of it.
        target: URI of the version.
        version: The version.
        stages: The version's stages.
        mapping: How a row becomes a request.
        repaid_calls: Most calls of one task that are paid again when it is ended.
    """

    options: BatchOptions
    target: str
    version: str
    stages: Sequence[DescribedStage]
    mapping: RowMapping
    repaid_calls: int

    @property
    def chooses_rows(self) -> bool:
        """Whether options choose rows from the whole table, rather than what is new in it."""
        return bool(self.options.limit or self.options.updates or self.options.retried_codes)


class SparkRun:
    """A batch in Spark whose output no other run writes. Open it with ``open_spark_run``."""

    def __init__(self, session: Any, batch: SparkBatch, output: SparkOutput) -> None:
        self._session, self._batch, self._output = session, batch, output
        self._fixed = batch.options.describe_output(batch.stages)
        self._changeable = {"mapping": batch.mapping.describe()}
        if output.facts:
            check_earlier_run(output.facts, self._fixed, self._changeable, updates=batch.options.updates)
        output.repair(session)
        self.plan = self._make_plan()

    def answer(self) -> tuple[BatchCounts, BatchTotals, dict[str, int]]:
        """Answer the planned rows.

        Returns:
            What this run did; sums over the whole output; and the numbers of its failed rows by code.

        Raises:
            ServingError: Spark failed. What was written stays, and the same command goes on.
        """
        from pyspark.errors import PySparkException

        self._output.write_facts(**self._fixed, **self._changeable, **{_RUNNING: "1"})
        started = time.monotonic()
        try:
            folders = self._answer_chosen() if self._batch.chooses_rows else self._answer_new()
        except PySparkException as error:
            kind = type(error).__name__
            raise ServingError(
                f"Spark ended the batch ({kind}); read its log, then run the same command again"
            ) from None
        seconds = time.monotonic() - started
        done, errors = self._output.sum_up(self._session, folders)
        counts = replace(
            self.plan.counts,
            asked_rows=done.rows,
            failed=done.failures,
            tokens=done.tokens,
            cost=done.cost,
            seconds=seconds,
            errors=errors,
        )
        shutil.rmtree(self._output.ledger_folder / _WORKERS_FOLDER, ignore_errors=True)
        self._output.write_facts(**{_RUNNING: "0"})
        return counts, *self._output.sum_up(self._session, self._output.list_folders())

    def _answer_new(self) -> list[str]:
        """Answer what is new in the source, and return the folders that were written."""
        earlier, batch = set(self._output.list_folders()), self._batch
        query = (
            _read_stream(self._session, str(batch.options.source))
            .writeStream.foreachBatch(lambda rows, number: _answer_micro_batch(batch, rows, number))
            .option("checkpointLocation", str(self._output.ledger_folder / _CHECKPOINT))
            .trigger(availableNow=True)
            .start()
        )
        query.awaitTermination()
        repeated = {self._output.name_stream_folder(progress["batchId"]) for progress in query.recentProgress}
        return [folder for folder in self._output.list_folders() if folder not in earlier or folder in repeated]

    def _answer_chosen(self) -> list[str]:
        """Answer the rows that options choose, and return the folder that was written."""
        if not self.plan.counts.to_ask:
            return []
        rows = self._choose_rows()
        if self._batch.options.limit:
            rows = rows.limit(self._batch.options.limit)
        return [self._output.write_chosen(_answer_rows(self._batch, self._output, rows))]

    def _make_plan(self) -> BatchPlan:
        """Count what is to be asked.

        Raises:
            ServingError: A row has no key, or rows of one key have different requests.
        """
        from pyspark.sql import functions as F

        batch, key = self._batch, self._batch.options.key_column
        keys = (
            self._read_source()
            .groupBy(key)
            .agg(F.count("*").alias("rows"), F.min("request").alias("first"), F.max("request").alias("last"))
        )
        repeated = F.when(F.col("first") != F.col("last"), 1)
        absent = F.when(F.col(key).isNull(), 1)
        row = keys.agg(F.sum("rows").alias("rows"), F.count(repeated), F.count(absent)).first()
        rows, repeated_keys, absent_keys = (int(value or 0) for value in row)
        if absent_keys:
            raise ServingError(f"a row has no value in the key column {key}; give another --key, or none")
        if repeated_keys:
            raise ServingError(
                f"--key {key}: rows with different requests have the same key, for {repeated_keys} keys; "
                "name a column whose values are all different, or leave out --key"
            )
        stages = [F.count(F.col(f"stages.{name}")) for name in _list_stages(batch)]
        row = self._choose_rows().agg(F.count("*"), F.sum(F.octet_length("request")), *stages).first()
        to_ask, request_bytes, *stage_counts = (int(value or 0) for value in row)
        counts = BatchCounts(rows, to_ask, request_bytes=request_bytes, stages=sum(stage_counts))
        totals, _ = self._output.sum_up(self._session, self._output.list_folders())
        was_ended = self._output.facts.get(_RUNNING) == "1"
        repaid_calls = batch.repaid_calls * _count_partitions(self._session) if was_ended else 0
        return BatchPlan(counts, totals, batch.version, repaid_calls, has_batch_api=False)

    def _read_source(self) -> Any:
        """Return key, request and stages of each row of the table."""
        table = _read_static(self._session, str(self._batch.options.source))
        return table.select(*_make_columns(self._batch))

    def _choose_rows(self) -> Any:
        """Return the rows that are to be asked: those that are not answered, and those that options ask again."""
        from pyspark.sql import functions as F

        options, key = self._batch.options, self._batch.options.key_column
        rows, settled = self._read_source().dropDuplicates([key]), self._output.read(self._session)
        equal_columns = [key]
        if settled is None:
            return rows
        if options.updates:
            settled, equal_columns = settled.filter(F.col("version") == self._batch.version), [key, "request"]
        if options.retried_codes:
            code = find_code_of_row()
            is_retried = code != "" if ALL_CODES in options.retried_codes else code.isin(*options.retried_codes)
            settled = settled.filter(~is_retried)
        return rows.join(settled.select(*equal_columns), equal_columns, "left_anti")


@contextmanager
def open_spark_run(options: BatchOptions, target: str, description: Mapping[str, Any]) -> Iterator[SparkRun]:
    """Open a batch in Spark, and keep other runs out of its output.

    Args:
        options: What is asked of the batch.
        target: URI of the version.
        description: What the version says of itself.

    Raises:
        ServingError: Spark cannot read the table, its columns do not fit, another run writes to the same output, or
            the earlier run into it was another one.
    """
    session = _open_session()
    stages = DescribedStage.list_all(description)
    columns = list(_read_static(session, str(options.source)).columns)
    check_key_column(options.key, columns, stages)
    mapping = make_mapping(stages, columns, options.entries)
    version = str(description["version"])
    batch = SparkBatch(options, target, version, stages, mapping, count_repaid_calls(description))
    output = SparkOutput(options.out, options.key_column)
    with lock_target(output.ledger_folder):
        yield SparkRun(session, batch, output)


def _answer_micro_batch(batch: SparkBatch, rows: Any, number: int) -> None:
    """Answer the rows of a micro-batch whose keys are in no other folder, and write them to its folder."""
    key = batch.options.key_column
    output = SparkOutput(batch.options.out, key)
    folder = output.name_stream_folder(number)
    rows = rows.select(*_make_columns(batch)).dropDuplicates([key])
    answered = output.read(rows.sparkSession, without=folder)
    if answered is not None:
        rows = rows.join(answered.select(key), key, "left_anti")
    _answer_rows(batch, output, rows).write.mode("overwrite").parquet(folder)


def _answer_rows(batch: SparkBatch, output: SparkOutput, rows: Any) -> Any:
    """Return the rows of the output for rows of key, request and stages."""
    import mlflow
    from pyspark.sql import functions as F

    session = rows.sparkSession
    partitions = _count_partitions(session)
    answer = mlflow.pyfunc.spark_udf(
        session,
        batch.target,
        env_manager="local",
        extra_env={
            "MULTICHAIN_WORKERS": str(partitions),  # partitions share the limits per minute, and anew as tasks end
            "MULTICHAIN_WORKERS_FOLDER": str(output.ledger_folder / _WORKERS_FOLDER),
            **reply_variables(output.ledger_folder),
        },
    )
    answered = rows.repartition(partitions).withColumn("response", answer(F.col("stages")))
    key, names = batch.options.key_column, [stage.name for stage in batch.stages]
    columns = [F.col(f"response.{name}").alias(name) for name in names]
    errors = [F.when(F.col(f"{name}.error") != "", F.col(f"{name}.error")) for name in names]

    def add_up(field: str) -> Any:
        return reduce(add, (F.col(f"{name}.{field}") for name in names)).alias(field.rpartition(".")[2])

    return answered.select(key, "request", *columns, F.col("response.meta.version").alias("version")).select(
        key,
        "request",
        *names,
        F.coalesce(*errors, F.lit("")).alias("error"),
        F.struct(*(add_up(f"usage.{field}") for field in USAGE_FIELDS)).alias("usage"),
        add_up("usage.cost"),
        "version",
        add_up("seconds"),
    )


def _list_stages(batch: SparkBatch) -> list[str]:
    """Return the names of the stages that the mapping has fields of."""
    return list(dict.fromkeys(source.stage for source in batch.mapping.sources))


def _make_columns(batch: SparkBatch) -> list[Any]:
    """Return the columns of a micro-batch: the key, the request as JSON, and the stages as one struct."""
    from pyspark.sql import functions as F

    structs = []
    for name in _list_stages(batch):
        sources = [source for source in batch.mapping.sources if source.stage == name]
        fields = F.struct(
            *((F.col(each.column) if each.column else F.lit(each.text)).alias(each.field) for each in sources)
        )
        needed = next((each for each in sources if each.field == batch.mapping.needed[name]), None)
        is_there = F.col(needed.column).isNotNull() if needed is not None and needed.column else F.lit(True)
        structs.append(F.when(is_there, fields).alias(name))
    stages = F.struct(*structs)
    request = F.to_json(stages)
    key = F.col(batch.options.key) if batch.options.key else F.substring(F.sha2(request, 256), 1, KEY_LENGTH)
    return [key.alias(batch.options.key_column), request.alias("request"), stages.alias("stages")]


def _open_session() -> Any:
    """Return the session of Spark, which is started when there is none.

    Raises:
        ServingError: pyspark is not installed, or Spark does not start.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise ServingError("--spark needs pyspark, which is not installed; pip install -e '.[spark]'") from None
    try:
        return SparkSession.builder.getOrCreate()
    except PySparkException as error:
        raise ServingError(
            f"Spark does not start ({error.getCondition() or type(error).__name__}); it needs Java 17, found by "
            "JAVA_HOME or the path, or a cluster, named by SPARK_REMOTE"
        ) from None


def _count_partitions(session: Any) -> int:
    """Return in how many tasks the rows of a micro-batch are asked at the same time."""
    try:
        return int(session.sparkContext.defaultParallelism)
    except Exception:  # noqa: BLE001 - Spark Connect has no context, and says so by one of several classes
        return _DEFAULT_PARTITIONS


def _read_static(session: Any, source: str) -> Any:
    try:
        return session.read.parquet(source) if Path(source).exists() else session.read.table(source)
    except Exception as error:  # noqa: BLE001 - Spark's, and py4j's for a file that is no Parquet
        kind = error.getCondition() if hasattr(error, "getCondition") else type(error).__name__
        raise ServingError(
            f"Spark cannot read {source} ({kind}); name a folder of Parquet files, one file, or a table"
        ) from None


def _read_stream(session: Any, source: str) -> Any:
    """Return the source as a stream of what is new."""
    path = Path(source)
    if not path.exists():
        return session.readStream.table(source)
    reader = session.readStream.schema(_read_static(session, source).schema)
    if path.is_file():
        return reader.option("pathGlobFilter", path.name).parquet(str(path.parent))
    return reader.parquet(str(path))
