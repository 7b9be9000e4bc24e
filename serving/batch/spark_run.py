"""Run a batch in Spark: the new files or rows of a table, by Structured Streaming, each answered once.

A checkpoint beside the output knows which files or rows of the source were answered, so that the same command asks the
new ones alone. A micro-batch is written to a folder of its own number, which a repeated micro-batch replaces, and rows
whose keys are in other folders are left out.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from ..doors.described_stage import DescribedStage
from ..errors import ServingError
from .mapping import KEY_COLUMN, KEY_LENGTH, RowMapping, check_key_column, make_mapping
from .parts import LEDGER_FOLDER, USAGE_FIELDS
from .row_answers import reply_variables

_CHECKPOINT, _WORKERS_FOLDER = "spark", "workers"
_FOLDER_NAME = "batch-{number:06}"
_DEFAULT_PARTITIONS = 8


@dataclass(frozen=True, slots=True)
class SparkBatch:
    """What a batch in Spark answers, and by what.

    Attributes:
        source: A folder of Parquet files, one file, or the name of a table.
        out: The folder of the output.
        version: URI of the version.
        stages: The version's stages.
        mapping: How a row becomes a request.
        key: The key column; empty for a hash of the request.
    """

    source: str
    out: str
    version: str
    stages: Sequence[DescribedStage]
    mapping: RowMapping
    key: str

    @property
    def key_column(self) -> str:
        """Name of the key in the output."""
        return self.key or KEY_COLUMN


@dataclass(frozen=True, slots=True)
class SparkCounts:
    """Rows of the output, failed ones by code, and US dollars."""

    rows: int
    errors: dict[str, int]
    cost: float


def make_spark_batch(
    source: str, out: Path, version: str, stages: Sequence[DescribedStage], entries: Sequence[str], key: str
) -> SparkBatch:
    """Return a batch whose columns fit the stages.

    Args:
        source: A folder of Parquet files, one file, or the name of a table.
        out: The folder of the output.
        version: URI of the version.
        stages: The version's stages.
        entries: ``STAGE.FIELD=COLUMN``.
        key: The key column; empty for a hash of the request.

    Raises:
        ServingError: Spark cannot read the table, or its columns do not fit.
    """
    columns = list(_read_static(_open_session(), source).columns)
    check_key_column(key, columns)
    return SparkBatch(source, str(out.absolute()), version, stages, make_mapping(stages, columns, entries), key)


def run_spark_batch(batch: SparkBatch) -> SparkCounts:
    """Answer what is new in the source, and return what the output has then.

    Args:
        batch: What is answered.

    Raises:
        ServingError: Spark failed. What was written stays, and the same command goes on.
    """
    from pyspark.errors import PySparkException

    session = _open_session()
    Path(batch.out, LEDGER_FOLDER).mkdir(parents=True, exist_ok=True)
    stream = _read_stream(session, batch.source)
    query = (
        stream.writeStream.foreachBatch(lambda rows, number: _answer_rows(batch, rows, number))
        .option("checkpointLocation", f"{batch.out}/{LEDGER_FOLDER}/{_CHECKPOINT}")
        .trigger(availableNow=True)
        .start()
    )
    try:
        query.awaitTermination()
    except PySparkException as error:
        kind = type(error).__name__
        raise ServingError(f"Spark ended the batch ({kind}); read its log, then run the same command again") from None
    shutil.rmtree(Path(batch.out, LEDGER_FOLDER, _WORKERS_FOLDER), ignore_errors=True)
    return _count_output(session, batch)


def _answer_rows(batch: SparkBatch, rows: Any, number: int) -> None:
    """Answer the rows of a micro-batch, and write them to its folder."""
    import mlflow
    from pyspark.sql import functions as F

    session = rows.sparkSession
    partitions = _count_partitions(session)
    keyed = rows.select(*_make_columns(batch)).dropDuplicates([batch.key_column])
    folder = f"{batch.out}/{_FOLDER_NAME.format(number=number)}"
    written = [str(path) for path in sorted(Path(batch.out).glob("batch-*")) if str(path) != folder]
    if written:
        keyed = keyed.join(session.read.parquet(*written).select(batch.key_column), batch.key_column, "left_anti")
    answer = mlflow.pyfunc.spark_udf(
        session,
        batch.version,
        env_manager="local",
        extra_env={
            "MULTICHAIN_WORKERS": str(partitions),  # partitions share the limits per minute, and anew as tasks end
            "MULTICHAIN_WORKERS_FOLDER": str(Path(batch.out, LEDGER_FOLDER, _WORKERS_FOLDER)),
            **reply_variables(Path(batch.out, LEDGER_FOLDER)),
        },
    )
    answered = keyed.repartition(partitions).withColumn("response", answer(F.col("stages")))
    names = [stage.name for stage in batch.stages]
    columns = [F.col(f"response.{name}").alias(name) for name in names]
    errors = [F.when(F.col(f"{name}.error") != "", F.col(f"{name}.error")) for name in names]

    def add_up(field: str) -> Any:
        return reduce(add, (F.col(f"{name}.{field}") for name in names)).alias(field.rpartition(".")[2])

    answered.select(batch.key_column, "request", *columns, F.col("response.meta.version").alias("version")).select(
        batch.key_column,
        "request",
        *names,
        F.coalesce(*errors, F.lit("")).alias("error"),
        F.struct(*(add_up(f"usage.{field}") for field in USAGE_FIELDS)).alias("usage"),
        add_up("usage.cost"),
        "version",
        add_up("seconds"),
    ).write.mode("overwrite").parquet(folder)


def _make_columns(batch: SparkBatch) -> list[Any]:
    """Return the columns of a micro-batch: the key, the request as JSON, and the stages as one struct."""
    from pyspark.sql import functions as F

    structs = []
    for name in dict.fromkeys(source.stage for source in batch.mapping.sources):
        sources = [source for source in batch.mapping.sources if source.stage == name]
        fields = F.struct(
            *((F.col(each.column) if each.column else F.lit(each.text)).alias(each.field) for each in sources)
        )
        needed = next((each for each in sources if each.field == batch.mapping.needed[name]), None)
        is_there = F.col(needed.column).isNotNull() if needed is not None and needed.column else F.lit(True)
        structs.append(F.when(is_there, fields).alias(name))
    stages = F.struct(*structs)
    request = F.to_json(stages)
    key = F.col(batch.key) if batch.key else F.substring(F.sha2(request, 256), 1, KEY_LENGTH)
    return [key.alias(batch.key_column), request.alias("request"), stages.alias("stages")]


def _count_output(session: Any, batch: SparkBatch) -> SparkCounts:
    """Return rows, errors and dollars of the whole output."""
    from pyspark.sql import functions as F

    folders = [str(path) for path in sorted(Path(batch.out).glob("batch-*"))]
    if not folders:
        return SparkCounts(0, {}, 0.0)
    code = F.when(F.col("error") == "", "").otherwise(F.substring_index("error", ":", 1)).alias("code")
    groups = session.read.parquet(*folders).groupBy(code).agg(F.count("*").alias("rows"), F.sum("cost").alias("cost"))
    counts = [(str(row["code"]), int(row["rows"]), float(row["cost"] or 0.0)) for row in groups.collect()]
    errors = {name: rows for name, rows, _ in sorted(counts, key=lambda count: -count[1]) if name}
    return SparkCounts(sum(rows for _, rows, _ in counts), errors, sum(cost for *_, cost in counts))


def _open_session() -> Any:
    from pyspark.sql import SparkSession

    return SparkSession.builder.getOrCreate()


def _count_partitions(session: Any) -> int:
    """Return in how many tasks the rows of a micro-batch are asked at the same time."""
    try:
        return int(session.sparkContext.defaultParallelism)
    except Exception:  # noqa: BLE001 - Spark Connect has no context, and says so by one of several classes
        return _DEFAULT_PARTITIONS


def _read_static(session: Any, source: str) -> Any:
    from pyspark.errors import PySparkException

    try:
        return session.read.parquet(source) if Path(source).exists() else session.read.table(source)
    except PySparkException as error:
        raise ServingError(
            f"Spark cannot read {source} ({error.getCondition()}); name a folder of Parquet files, one file, or a table"
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
