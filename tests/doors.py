"""The five doors of a version, as functions from requests to responses: the ways in which MLflow's users call it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import mlflow
import pytest
import requests
from mlflow.exceptions import MlflowException

Row = dict[str, Any]
STAGES = ("qa", "image_generation")


class RefusedError(Exception):
    """Refusal of the whole request by a door, with its message."""


def make_single_predict_calls(model: mlflow.pyfunc.PyFuncModel, row: Row) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the in-process calls of one request, each with the name of its form."""
    yield "load_model, dict", lambda: _predict(model, row)


def make_predict_calls(model: mlflow.pyfunc.PyFuncModel, rows: list[Row]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the in-process calls of several requests, each with the name of its form."""
    yield "load_model, list", lambda: _predict(model, rows)
    yield "load_model, frame", lambda: _predict(model, make_frame(rows))


def make_single_rest_calls(url: str, row: Row) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the REST calls of one request, each with the name of its body's form."""
    yield "inputs, dict", lambda: post_body(url, {"inputs": row})
    yield "instances, dict", lambda: post_body(url, {"instances": row})


def make_rest_calls(url: str, rows: list[Row]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the REST calls of several requests, each with the name of its body's form."""
    columns = sorted({name for row in rows for name in row})
    data = [[row.get(name) for name in columns] for row in rows]
    yield "inputs, list", lambda: post_body(url, {"inputs": rows})
    yield "dataframe_records", lambda: post_body(url, {"dataframe_records": rows})
    yield "dataframe_split", lambda: post_body(url, {"dataframe_split": {"columns": columns, "data": data}})


def predict_offline(uri: str, model_input: object, folder: Path) -> Any:
    """Return the responses of ``mlflow.models.predict``, which writes them to a file."""
    answer = folder / "answer.json"
    try:
        mlflow.models.predict(uri, input_data=model_input, env_manager="local", output_path=str(answer))
    except MlflowException as error:
        raise RefusedError(error.message.rpartition("Error: ")[2].strip()) from None
    return json.loads(answer.read_text("utf-8"))["predictions"]


def make_frame(rows: list[Row]) -> Any:
    """Return the rows as a DataFrame with a column for each stage."""
    import pandas as pd

    return pd.DataFrame({name: [row.get(name) for row in rows] for name in sorted({n for row in rows for n in row})})


def find_free_port() -> int:
    """Return a port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def run_server(uri: str, folder: Path, **environment: str) -> Iterator[str]:
    """Run ``python -m serving up`` in ``folder`` and yield its address."""
    port = find_free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "serving", "up", "--target", uri, "--port", str(port)]
    process = subprocess.Popen(command, cwd=folder, env=os.environ | environment, stdout=subprocess.DEVNULL)
    try:
        while not _is_up(url):
            assert process.poll() is None
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait()


def _is_up(url: str) -> bool:
    try:
        return requests.get(f"{url}/ping", timeout=1).ok
    except requests.RequestException:
        return False


def spark_session() -> Any:
    """Return a small local Spark session, whose workers use this Python.

    Without Java the test is skipped; in CI it fails.
    """
    if shutil.which("java") is None:
        if os.environ.get("CI"):
            pytest.fail("Spark needs Java 17, and CI must have it")
        pytest.skip("Spark needs Java 17, and there is none")
    from pyspark.sql import SparkSession

    os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    settings = {"spark.ui.enabled": "false", "spark.log.level": "ERROR", "spark.sql.shuffle.partitions": "1"}
    settings["spark.sql.warehouse.dir"] = str(
        Path(tempfile.gettempdir(), "spark-warehouse")
    )  # outside the tests' folder
    return SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()


def make_spark_calls(spark: Any, udf: Any, rows: list[Row]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the calls of the function in Spark: with a column for each stage, and with one struct of them."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import StringType, StructField, StructType

    names = sorted({*STAGES, *(name for row in rows for name in row)})
    absent = StructType([StructField("question", StringType()), StructField("prompt", StringType())])
    columns = {name: [row.get(name) for row in rows] for name in names}
    fields = [StructField(name, _spark_type(cells) if any(cells) else absent) for name, cells in columns.items()]
    records = [(number, *(row.get(name) for name in names)) for number, row in enumerate(rows)]
    table = spark.createDataFrame(records, StructType([StructField("n", StringType()), *fields]))

    def collect_responses(column: Any) -> list[Any]:
        return [row["r"].asDict(recursive=True) for row in table.select("n", column.alias("r")).orderBy("n").collect()]

    yield "spark_udf, two columns", lambda: collect_responses(udf(*STAGES))
    yield "spark_udf, one struct", lambda: collect_responses(udf(F.struct(*names)))


def _predict(model: mlflow.pyfunc.PyFuncModel, model_input: object) -> Any:
    try:
        return model.predict(deepcopy(model_input))
    except MlflowException as error:
        raise RefusedError(error.message) from None


def post_body(url: str, body: Row) -> Any:
    """Return the predictions that the server answers to a REST body."""
    reply = requests.post(f"{url}/invocations", json=body, timeout=60)
    content = reply.json()
    if reply.status_code == requests.codes.bad_request:
        raise RefusedError(content["message"].rpartition("Error: ")[2].strip())
    return content["predictions"]


def _spark_type(cells: list[Any]) -> Any:
    """Return the Spark type of a column or field with the values ``cells``."""
    from pyspark.sql import types

    values = [cell for cell in cells if cell is not None]
    if values and isinstance(values[0], dict):
        names = sorted({name for cell in values for name in cell}) or ["question"]
        return types.StructType([types.StructField(n, _spark_type([cell.get(n) for cell in values])) for n in names])
    if values and isinstance(values[0], list):
        return types.ArrayType(_spark_type(values[0]))
    simple = {bool: types.BooleanType, int: types.LongType, float: types.DoubleType, str: types.StringType}
    return simple[type(values[0])]() if values else types.StringType()
