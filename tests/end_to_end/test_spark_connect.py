"""A version as a function in Spark Connect, the protocol of Spark sessions at a remote server."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.fixtures import ROOT

ROWS = [{"qa": {"question": "What is LangChain?"}}, {"qa": {"question": "What is GPT-4?", "k": 1}}]
SPARK = """
import json, sys, mlflow
from pyspark.sql import SparkSession
from tests import doors
session = SparkSession.builder.remote("local[2]").getOrCreate()
assert "connect" in type(session).__module__
udf = mlflow.pyfunc.spark_udf(session, sys.argv[1], env_manager="local")
rows = json.loads(sys.argv[2])
print(json.dumps([ask() for _, ask in doors.make_spark_calls(session, udf, rows)]))
session.stop()
"""


def test_spark_udf_through_spark_connect_answers_every_row(logged: str) -> None:
    """Classic Spark has its tests in test_contract.py."""
    if shutil.which("java") is None and not os.environ.get("CI"):
        pytest.skip("Spark needs Java 17, and there is none")
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    command = [sys.executable, "-c", SPARK, logged, json.dumps(ROWS)]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=240)
    assert process.returncode == 0, process.stderr[-3000:]
    answers = json.loads(process.stdout.splitlines()[-1])
    assert len(answers) == 2
    for responses in answers:
        assert [row["qa"]["error"] for row in responses] == [""] * len(ROWS)
        assert responses[0]["qa"]["answer"].startswith("LangChain")
