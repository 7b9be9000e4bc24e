"""``make demo``: the whole main job on this machine, with nothing but the project itself."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
URI = "models:/multichain@champion"
REQUEST = (
    '{"qa": {"question": "Tell me about LangChain."},'
    ' "image_generation": {"prompt": "A conceptual diagram of LangChain in use"}}'
)


def main() -> int:
    """Trains, asks from another folder, and sends three rows through Spark; the exit code."""
    started = time.perf_counter()
    store = os.environ.setdefault("MLFLOW_TRACKING_URI", f"sqlite:///{Path.cwd() / 'mlflow.db'}")
    spark = _start("examples/spark_rows.py", "-")  # Spark takes long to start: it does so meanwhile
    say("Documents in, a registered model out:  python -m training run")
    if subprocess.call([sys.executable, "-m", "training", "run"]):
        spark.kill()
        return 1
    trained = time.perf_counter()
    spark_input = spark.stdin
    if spark_input:
        spark_input.write(URI + "\n")
        spark_input.flush()
    with tempfile.TemporaryDirectory() as elsewhere:
        say(f"Asked from another folder:  python -m serving ask '{REQUEST}'")
        picture = str(Path.cwd() / "multichain.png")
        asked = subprocess.call([sys.executable, "-m", "serving", "ask", REQUEST, "--out", picture], cwd=elsewhere)
    answered = time.perf_counter()
    say("Three rows through mlflow.pyfunc.spark_udf:  python examples/spark_rows.py " + URI)
    rows, log = spark.communicate()
    print(rows.strip() if spark.returncode == 0 else log.strip()[-2000:])
    ended = time.perf_counter()
    say(
        f"Done in {ended - started:.0f} s: train {trained - started:.1f} s, ask {answered - trained:.1f} s, "
        f"Spark {ended - answered:.1f} s more. The store is {store}. Try next:"
    )
    print("  . .venv/bin/activate")
    print('  python -m serving ask --question "What is a stage?" --prompt "A diagram of: {qa.answer}"')
    print("  python -m training run --documents PATH/TO/YOUR/DOCUMENTS")
    print("  python -m serving up")
    return asked or spark.returncode


def say(line: str) -> None:
    """A line that stands apart."""
    print(f"\n== {line}", flush=True)


def _start(*command: str) -> "subprocess.Popen[str]":
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, *command], cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


if __name__ == "__main__":
    sys.exit(main())
