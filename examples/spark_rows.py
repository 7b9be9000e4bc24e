"""Send three rows through ``mlflow.pyfunc.spark_udf``.

Run ``python examples/spark_rows.py models:/multichain@champion``, or pass ``-`` to read the URI from the standard input
once Spark has started.
"""

import os
import shutil
import sys

QUESTIONS = ["Tell me about LangChain.", "What is Azure Databricks?", "Who discovered penicillin?"]

os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # Spark's workers need this environment
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")


def main(uri: str) -> None:
    """Print a line for each question, answered by the model at ``uri``."""
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        print("Spark needs Java 17, which was not found; install it or set JAVA_HOME. The rest works without Java.")
        return
    import mlflow
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as F

    settings = {"spark.ui.enabled": "false", "spark.log.level": "ERROR"}
    spark = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    rows = spark.createDataFrame([(question,) for question in QUESTIONS], "question string")
    answer = mlflow.pyfunc.spark_udf(spark, input() if uri == "-" else uri, env_manager="local")
    qa = F.struct("question").alias("qa")
    for row in rows.select("question", answer(F.struct(qa)).alias("r")).select("question", "r.qa.answer").collect():
        print(f"{row.question} -> {row.answer}")
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
