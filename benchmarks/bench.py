"""Measure what users feel, for ``make bench``: medians, and ratios within one run.

Machines are noisy, so ratios are more reliable than times.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import batch
import engine
import mixed
import retrieval

ROOT = Path(__file__).parent.parent
QUESTION = {"qa": {"question": "Tell me about LangChain."}}
IMPORTS = ["numpy", "pandas", "mlflow.pyfunc", "faiss", "scipy.sparse", "sklearn.feature_extraction.text", "pygraphviz"]

_FIRST_ANSWER = """
import time; started = time.perf_counter()
import mlflow; mlflow.pyfunc
imported = time.perf_counter()
model = mlflow.pyfunc.load_model(__import__("sys").argv[1])
loaded = time.perf_counter()
model.predict({"qa": {"question": "Tell me about LangChain."}})
ended = time.perf_counter()
print(imported - started, loaded - imported, ended - loaded, ended - started)
"""

_CONSTANT = """
import mlflow
class Constant(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return {"qa": {"answer": "constant"}}
mlflow.models.set_model(Constant())
"""


def main() -> None:
    """Log the demo's model in a temporary store, and measure the model, retrieval and the engine."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        os.environ |= {"MLFLOW_LOGGING_LEVEL": "ERROR", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
        uri = _log_demo_model(Path(folder))
        _measure_cold_start(uri)
        _measure_answers(uri, Path(folder))
        retrieval.measure_retrieval()
        mixed.measure_mixed_build()
    os.chdir(ROOT)
    engine.measure_engine()
    batch.measure_batch()


def _log_demo_model(folder: Path) -> str:
    from model.profile import Profile
    from training.indexing.build import build_index
    from training.packaging.log_model import log_model

    built = build_index(Profile.read("offline"), [ROOT / "documents"], folder / "index", lambda _done, _total: None)
    print(f"The demo's index: {built.manifest.chunks} chunks of {len(built.load_result.documents)} documents\n")
    return log_model("offline", built.folder)


def _measure_cold_start(uri: str) -> None:
    """Print the median times of fresh processes, without the first one, which fills the cache of bytecode."""
    runs = [_run_printing(_FIRST_ANSWER, uri) for _ in range(6)][1:]
    steps = ("import mlflow", "load_model", "first answer", "all")
    for name, column in zip(steps, zip(*runs, strict=True), strict=True):
        print(f"cold start, {name:13} {statistics.median(column):6.2f} s")
    for name in IMPORTS:
        code = f"import time; started = time.perf_counter(); import {name}; print(time.perf_counter() - started)"
        print(f"  of which import {name:30} {statistics.median(_run_printing(code)[0] for _ in range(4)):6.2f} s")


def _measure_answers(uri: str, folder: Path) -> None:
    import mlflow

    model = mlflow.pyfunc.load_model(uri)
    (folder / "constant.py").write_text(_CONSTANT, "utf-8")
    info = model.metadata
    constant = mlflow.pyfunc.load_model(
        mlflow.pyfunc.log_model(
            name="constant",
            python_model=str(folder / "constant.py"),
            signature=info.signature,
            input_example=QUESTION,
            pip_requirements=["mlflow"],
        ).model_uri
    )
    model_seconds, constant_seconds = _time_interleaved(
        300, lambda: model.predict(QUESTION), lambda: constant.predict(QUESTION)
    )
    print(
        f"\none question      {model_seconds * 1000:6.2f} ms, a constant model {constant_seconds * 1000:.2f} ms: "
        f"{(model_seconds - constant_seconds) * 1000:.2f} ms of our own"
    )
    picture, _ = _time_interleaved(10, lambda: model.predict({"image_generation": {"prompt": "LangChain in use"}}), int)
    print(f"one picture       {picture * 1000:6.0f} ms")
    rows = [{"qa": {"question": f"Tell me about stage number {number}."}} for number in range(1000)]
    batch, single = _time_interleaved(3, lambda: model.predict(rows), lambda: [model.predict(row) for row in rows])
    ratio = f"{single / batch:.1f} times"
    print(f"1,000 questions   {batch:6.2f} s in one call, {single:.2f} s in single calls: {ratio}")


def _time_interleaved(rounds: int, *calls: Callable[[], object]) -> list[float]:
    """Return the median seconds of each call; the calls take turns, after one round that is not counted."""
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds + 1):
        for call, durations in zip(calls, seconds, strict=True):
            started = time.perf_counter()
            call()
            durations.append(time.perf_counter() - started)
    return [statistics.median(durations[1:]) for durations in seconds]


def _run_printing(code: str, *words: str) -> list[float]:
    process = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    return [float(word) for word in process.stdout.split()]


if __name__ == "__main__":
    main()
