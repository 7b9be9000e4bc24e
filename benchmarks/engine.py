"""Compare the engine with the ideal bound, LangChain, MLflow's flavor and a bare loop, in one run against the stand-in.

The input is 200 rows of both stages, a quarter of them repeated. The stand-in runs in a process of its own and takes
50 ms and 0.1 ms a text for embeddings, 200 ms for a chat, 400 ms for an image. With 16 calls of each kind in flight,
150 unique images take ten rounds: 4.0 s is the ideal.
"""

import asyncio
import gc
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

HERE = Path(__file__).parent
UNIQUE, ROWS, CHUNKS, ROUNDS = 150, 200, 10_000, 3
MANY, BATCH = 100_000, 10_000
IMAGE, CONCURRENCY = 0.4, 16
LATENCY = {"embeddings": 0.05, "chat/completions": 0.2, "images/generations": IMAGE}
IDEAL = -(-UNIQUE // CONCURRENCY) * IMAGE
PROFILE = """
embeddings: {provider: openai, model: text-embedding-3-small, cache: 0}
index: {chunk_size: 1200, overlap: 120, language: english}
stages:
  qa:
    kind: retrieval_qa
    chat: {provider: openai, models: [gpt-4.1]}
  image_generation:
    kind: image_generation
    images: {provider: openai, way: images, models: [gpt-image-2], output_format: png}
"""


def make_rows(unique: int = UNIQUE, count: int = ROWS) -> list[dict[str, Any]]:
    """Return requests in a mixed order.

    Args:
        unique: Number of distinct requests.
        count: Number of requests.

    Returns:
        The requests.
    """
    chance = random.Random(1)
    numbers = [*range(unique), *chance.choices(range(unique), k=count - unique)]
    chance.shuffle(numbers)
    return [
        {
            "qa": {"question": f"What does the manual say of pump number {n}?"},
            "image_generation": {"prompt": f"Pump {n}"},
        }
        for n in numbers
    ]


@contextmanager
def run_stand_in() -> Iterator[str]:
    """Run the stand-in in a process of its own, set the variables that point at it, and yield its address."""
    command = [sys.executable, "-u", "-m", "standin", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        exports = next(line for line in process.stdout or () if "export" in line)
        for name, value in re.findall(r"(\w+)=(\S+)", exports):
            os.environ[name] = value
        yield os.environ["DATABRICKS_HOST"]
    finally:
        process.terminate()
        process.wait()


def set_script(address: str, **settings: Any) -> None:
    """Replace the script of the stand-in, and with it the record of calls.

    Args:
        address: URL of the stand-in.
        **settings: Entries of the script.
    """
    requests.post(f"{address}/standin/script", json={"plain": True, **settings}, timeout=10).raise_for_status()


def count_calls(address: str) -> tuple[int, dict[str, int]]:
    """Return the number of calls since the script was set, and the highest number in flight of each kind."""
    record = requests.get(f"{address}/standin/calls", timeout=10).json()
    return sum(record["calls"].values()), record["peak"]


def log_bench_model(folder: Path) -> str:
    """Log the measured model, over 10,000 chunks of 1,536 dimensions, and return its URI."""
    from model.profile import Profile
    from training.indexing import index_writer
    from training.packaging.log_model import log_model

    (folder / "bench.yaml").write_text(PROFILE, "utf-8")
    profile = str(folder / "bench.yaml")
    content = _make_content(CHUNKS)
    index_writer.write_index_folder(content, Profile.read(profile), folder / "index", lambda _done, _total: None)
    return log_model(profile, folder / "index")


def _make_content(count: int) -> Any:
    """Return ``count`` short texts as the content of an index."""
    from model.passages import Chunk
    from training.indexing.index_writer import IndexContent

    texts = [f"Pump number {n} needs {n % 97} drops of oil and {n % 31} turns of its screw." for n in range(count)]
    chunks = [Chunk(f"{n}.txt", f"Pump {n}", "", 0, 0, len(text), text) for n, text in enumerate(texts)]
    return IndexContent(chunks, {chunk.source: "" for chunk in chunks}, {"chunk_size": 1200, "overlap": 120}, "english")


def measure_engine() -> None:
    """Print the measurements of every path."""
    with tempfile.TemporaryDirectory() as folder, run_stand_in() as address:
        os.chdir(folder)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        os.environ |= {"MLFLOW_LOGGING_LEVEL": "ERROR", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
        os.environ["MULTICHAIN_BENCH_INDEX"] = f"{folder}/index"
        uri = log_bench_model(Path(folder))
        print(f"\nThe engine: {ROWS} rows of both stages, {UNIQUE} unique; the ideal is {IDEAL:.1f} s")
        _measure_in_process(uri, address)
        _measure_own_cpu(uri, address)
        _measure_single(uri, address)
        _measure_limited(uri, address)
        _measure_rest(uri, address)
        _measure_spark(uri, address)
        _measure_many(Path(folder))


def _measure_many(folder: Path) -> None:
    """Ask 100,000 questions of the offline profile over 1,000 chunks, in batches as Spark sends them."""
    import resource

    from model.contract.requests import Request
    from model.profile import Profile
    from model.retrieval.local.index import Index
    from training.indexing import index_writer

    content = _make_content(1000)
    profile = Profile.read("offline")
    index_writer.write_index_folder(content, profile, folder / "offline", lambda _done, _total: None)
    pipeline = profile.make_pipeline(profile.make_retriever(Index.open(folder / "offline")))
    memory, started = [], time.perf_counter()
    for batch in range(MANY // BATCH):
        pipeline.answer_requests(
            [Request({"qa": {"question": f"How many drops for {batch * BATCH + n}?"}}) for n in range(BATCH)]
        )
        memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)
    seconds = time.perf_counter() - started
    print(
        f"  {MANY:,} questions offline: {MANY / seconds:,.0f} a second; {memory[0]:,.0f} MB at most in the first "
        f"{BATCH:,}, {memory[-1]:,.0f} MB in all"
    )


def _measure_in_process(uri: str, address: str) -> None:
    import mlflow
    from bare import make_distinct_calls
    from rival import make_chain

    model, lcel, batch = mlflow.pyfunc.load_model(uri), make_chain(), make_rows()
    os.environ["MULTICHAIN_BENCH_LOGGED"] = "1"
    flavor = mlflow.pyfunc.load_model(
        mlflow.langchain.log_model(lc_model=str(HERE / "rival.py"), name="rival", pip_requirements=["mlflow"]).model_uri
    )
    _measure_paths(
        address,
        {
            "load_model": lambda: _check_responses(model.predict(batch)),
            "traced, a tenth": lambda: _check_responses(_predict_traced("0.1", model, batch)),
            "traced, all": lambda: _check_responses(_predict_traced("1", model, batch)),
            "a bare loop": lambda: asyncio.run(make_distinct_calls(batch)),
            "LCEL batch(16)": lambda: lcel.batch(batch, config={"max_concurrency": CONCURRENCY}),
            "MLflow's flavor": lambda: flavor.predict(batch),
        },
    )


def _measure_own_cpu(uri: str, address: str) -> None:
    """Print the CPU time beside that of a bare loop, in a process that ``serving up`` or ``serving batch`` would be."""
    import mlflow
    from bare import make_distinct_calls

    from commandline.long_lived import spare_collector

    model, batch = mlflow.pyfunc.load_model(uri), make_rows()
    model.predict(batch)
    spare_collector()
    try:
        _measure_paths(
            address,
            {
                "a server's process": lambda: _check_responses(model.predict(batch)),
                "a bare loop": lambda: asyncio.run(make_distinct_calls(batch)),
            },
            rounds=5,
        )
    finally:
        gc.unfreeze()


def _predict_traced(share: str, model: Any, batch: list[dict[str, Any]]) -> Any:
    """Return the predictions with a share of the requests traced; traces are stored during the calls and afterwards."""
    os.environ["MULTICHAIN_TRACES"] = share
    try:
        return model.predict(batch)
    finally:
        del os.environ["MULTICHAIN_TRACES"]


def _check_responses(responses: Any) -> None:
    """Exit when a stage of a response has an error."""
    errors = [row[stage]["error"] for row in responses for stage in ("qa", "image_generation") if row[stage]["error"]]
    if errors:
        raise SystemExit(f"{len(errors)} stages failed: {errors[0]}")


def _measure_paths(
    address: str, paths: dict[str, Callable[[], object]], ideal: float = IDEAL, rounds: int = ROUNDS
) -> None:
    """Print the medians of each path over interleaved rounds, after one round that is not counted."""
    import mlflow

    results: dict[str, list[tuple[float, float, int, dict[str, int]]]] = {name: [] for name in paths}
    for _ in range(rounds + 1):
        for name, path in paths.items():
            mlflow.flush_trace_async_logging()
            set_script(address, latency=LATENCY, per_text=0.0001)
            started, cpu_started = time.perf_counter(), time.process_time()
            path()
            seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
            results[name].append((seconds, cpu, *count_calls(address)))
    for name, runs in results.items():
        seconds, cpu = (statistics.median(run[n] for run in runs[1:]) for n in (0, 1))
        _, _, calls, peak = runs[-1]
        flight = ", ".join(str(peak.get(kind, 0)) for kind in LATENCY)
        print(
            f"  {name:18} {seconds:6.2f} s, {ideal / seconds:.2f} of the ideal, {calls} calls, in flight {flight} "
            f"(embeddings, chat, images), own CPU {cpu:.2f} s"
        )


def _measure_single(uri: str, address: str) -> None:
    import mlflow

    model = mlflow.pyfunc.load_model(uri)
    set_script(address, latency=LATENCY, per_text=0.0001)
    seconds = []
    for row in make_rows(20, 20):
        started = time.perf_counter()
        model.predict(row)
        seconds.append(time.perf_counter() - started)
    median = statistics.median(seconds[1:])
    print(f"  one request        {median * 1000:6.0f} ms, against {IMAGE * 1000:.0f} ms of its longest call")


def _measure_limited(uri: str, address: str) -> None:
    """Print times with 40 requests a second allowed, retry-after 1 beyond them, and a fiftieth of the calls failing."""
    import mlflow

    model, batch = mlflow.pyfunc.load_model(uri), make_rows()
    model.predict(batch[:1])
    for _ in range(ROUNDS):
        set_script(address, latency=LATENCY, per_text=0.0001, rate=40, failing=0.02)
        started = time.perf_counter()
        responses: Any = model.predict(batch)
        seconds = time.perf_counter() - started
        failed = sum(bool(row[stage]["error"]) for row in responses for stage in ("qa", "image_generation"))
        calls, _ = count_calls(address)
        print(f"  40 requests/s      {seconds:6.2f} s, {failed} stages failed, {calls} calls (the floor is 7.1 s)")


def _measure_rest(uri: str, address: str) -> None:
    """Print times of the same rows, one row a request, sent by several clients to one server."""
    port = "5917"
    command = [sys.executable, "-m", "serving", "up", "--target", uri, "--port", port]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url, session = f"http://127.0.0.1:{port}", requests.Session()

    def ask(row: dict[str, Any]) -> None:
        _check_responses([session.post(f"{url}/invocations", json={"inputs": row}, timeout=60).json()["predictions"]])

    try:
        while not _is_up(url):
            time.sleep(0.2)
        ask(make_rows()[0])
        for clients, count in ((1, 10), (8, 80), (32, ROWS)):
            batch = make_rows(count * 3 // 4, count)
            set_script(address, latency=LATENCY, per_text=0.0001)
            started = time.perf_counter()
            with ThreadPoolExecutor(clients) as pool:
                list(pool.map(ask, batch))
            seconds = time.perf_counter() - started
            ideal = count / min(clients, CONCURRENCY) * IMAGE
            calls, peak = count_calls(address)
            print(
                f"  REST, {clients:2} clients   {seconds:6.2f} s for {count} requests, {ideal / seconds:.2f} of the "
                f"ideal ({ideal:.1f} s), {calls} calls, {peak.get('images/generations', 0)} images in flight"
            )
    finally:
        server.terminate()
        server.wait()


def _is_up(url: str) -> bool:
    try:
        return requests.get(f"{url}/ping", timeout=1).ok
    except requests.RequestException:
        return False


def _measure_spark(uri: str, address: str) -> None:
    """Print times of two partitions in Spark, after the workers have started."""
    import mlflow
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as F

    os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    settings = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR"}
    spark = SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
    udf = mlflow.pyfunc.spark_udf(spark, uri, env_manager="local")
    batch = make_rows()
    table = spark.createDataFrame(
        [(n, row["qa"], row["image_generation"]) for n, row in enumerate(batch)],
        "n int, qa struct<question string>, image_generation struct<prompt string>",
    )
    halves = table.repartitionByRange(2, "n").cache()
    partitions = [{row["n"] for row in partition} for partition in halves.rdd.glom().collect()]
    unique_counts = [len({batch[n]["image_generation"]["prompt"] for n in partition}) for partition in partitions]
    ideal = max(-(-unique // CONCURRENCY) for unique in unique_counts) * IMAGE

    def run() -> None:
        responses = halves.select(udf(F.struct("qa", "image_generation")).alias("r"))
        errors = responses.select("r.qa.error", "r.image_generation.error", F.length("r.image_generation.image"))
        if any(row[0] or row[1] or not row[2] for row in errors.collect()):
            raise SystemExit("a stage failed in Spark")

    _measure_paths(address, {"spark_udf, 2 parts": run}, ideal)
    spark.stop()


if __name__ == "__main__":
    measure_engine()
