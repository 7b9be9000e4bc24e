"""Run ``serving batch`` over 2,000 rows of both stages against the stand-in, whole, and killed at half.

The stand-in runs in a process of its own and takes the time of engine.py for each call. With 16 images in flight, 2,000
take 125 rounds of 0.4 s: 50 s is the ideal. The share is the ideal divided by the seconds from the first row to the
last answer in the output; the ledger is on. Memory is the peak of the command's process.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from engine import CONCURRENCY, IMAGE, LATENCY, log_bench_model, run_stand_in, set_script

ROWS = int(os.environ.get("ROWS", "2000"))
IDEAL = -(-ROWS // CONCURRENCY) * IMAGE


def write_table(folder: Path) -> None:
    """Write the table of pumps."""
    columns = {
        "id": list(range(ROWS)),
        "question": [f"What does the manual say of pump number {n}?" for n in range(ROWS)],
        "prompt": [f"Pump {n}" for n in range(ROWS)],
    }
    pq.write_table(pa.table(columns), folder / "rows.parquet")


def start_batch(uri: str, out: str) -> "subprocess.Popen[str]":
    """Start the command."""
    command = [sys.executable, "-m", "serving", "batch", "rows.parquet", "--key", "id", "--target", uri, "--out", out]
    return subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True)


def read_report(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """Wait for a command and return its report."""
    output, _ = process.communicate()
    report: dict[str, Any] = json.loads(output.splitlines()[-1])
    if report["answered"] != ROWS or report["failures"]:
        sys.exit(f"the batch failed: {report}")
    return report


def count_paid(address: str) -> int:
    """Return the number of chats and images since the script was set."""
    import requests

    calls = requests.get(f"{address}/standin/calls", timeout=10).json()["calls"]
    return sum(count for path, count in calls.items() if path != "embeddings")


def count_embeddings(address: str) -> int:
    """Return the number of calls for embeddings since the script was set."""
    import requests

    return int(requests.get(f"{address}/standin/calls", timeout=10).json()["calls"].get("embeddings", 0))


def measure_batch() -> None:
    """Print the measurements."""
    with tempfile.TemporaryDirectory() as name, run_stand_in() as address:
        folder = Path(name)
        os.chdir(folder)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        uri = log_bench_model(folder)
        write_table(folder)
        set_script(address, latency=LATENCY, per_text=0.0001)
        report = read_report(start_batch(uri, "whole"))
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
        print(f"\nA batch: {ROWS:,} rows of both stages; the ideal is {IDEAL:.1f} s")
        print(f"  {report['seconds']:.1f} s, a share of {IDEAL / report['seconds']:.2f}; {memory:,.0f} MB at most")
        one_pass = count_paid(address)
        print(f"  {one_pass:,} chats and images, {count_embeddings(address):,} calls for embeddings")
        set_script(address, latency=LATENCY, per_text=0.0001)
        killed = start_batch(uri, "killed")
        while count_paid(address) < one_pass / 2:
            time.sleep(0.1)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        read_report(start_batch(uri, "killed"))
        ratio = count_paid(address) / one_pass
        print(f"  killed at half and gone on: {ratio:.3f} times the calls of one pass")


if __name__ == "__main__":
    measure_batch()
