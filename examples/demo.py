"""Run the whole main job on this machine, for ``make demo``: train, ask and send rows through Spark.

``make demo PROFILE=openai`` uses that profile; where its key is not set, the demo runs against the stand-in.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model.profile import Profile
from standin.app import KEY, StandIn
from standin.server import environment_variables, run_stand_in

ROOT = Path(__file__).parent.parent
REQUEST = (
    '{"qa": {"question": "Tell me about LangChain."},'
    ' "image_generation": {"prompt": "A conceptual diagram of LangChain in use"}}'
)
NEEDED = {
    "openai": ("OPENAI_API_KEY", "MULTICHAIN_OPENAI_API_KEY", "MULTICHAIN_SECRET_SCOPE"),
    "azure": ("AZURE_OPENAI_ENDPOINT",),
    "databricks": ("DATABRICKS_HOST", "DATABRICKS_CONFIG_PROFILE"),
    "compatible": ("COMPATIBLE_BASE_URL",),
}
"""Variables by provider. One of them has to be set for the real service to be asked."""


def main(profile: str = "offline") -> int:
    """Train a model, ask it from another folder, and send three rows through Spark; return the exit code."""
    started = time.perf_counter()
    store = os.environ.setdefault("MLFLOW_TRACKING_URI", f"sqlite:///{Path.cwd() / 'mlflow.db'}")
    with run_server(profile):
        spark = _start("examples/spark_rows.py", "-")  # starts during the training, since Spark takes long
        say(f"Train and register a model over documents:  python -m training run --profile {profile}")
        uri = train(profile)
        if not uri:
            spark.kill()
            return 1
        trained = time.perf_counter()
        spark_input = spark.stdin
        if spark_input:
            spark_input.write(uri + "\n")
            spark_input.flush()
        with tempfile.TemporaryDirectory() as elsewhere:
            say(f"Ask the model from another folder:  python -m serving ask '{REQUEST}'")
            picture = str(Path.cwd() / "multichain.png")
            ask = ["-m", "serving", "ask", REQUEST, "--out", picture, "--target", uri]
            ask_status = subprocess.call([sys.executable, *ask], cwd=elsewhere)
        answered = time.perf_counter()
        say("Send three rows through mlflow.pyfunc.spark_udf:  python examples/spark_rows.py " + uri)
        rows, log = spark.communicate()
        print(rows.strip() if spark.returncode == 0 else log.strip()[-2000:])
        ended = time.perf_counter()
    say(
        f"Done in {ended - started:.0f} s: train {trained - started:.1f} s, ask {answered - trained:.1f} s, "
        f"Spark {ended - answered:.1f} s more. The store is {store}. Try next:"
    )
    print("  . .venv/bin/activate")
    print('  python -m serving ask --question "What is a stage?" --prompt "A diagram of: {qa.answer}"')
    print(f"  python -m training run --profile {profile} --documents PATH/TO/YOUR/DOCUMENTS")
    print("  python -m serving up")
    return ask_status or spark.returncode


@contextmanager
def run_server(profile: str) -> Iterator[None]:
    """Let the profile ask the real services where there is a key, else a stand-in, which a message announces."""
    providers = {entry["provider"] for _, _, entry in Profile.read(profile).entries} & NEEDED.keys()
    missing = [NEEDED[provider][0] for provider in sorted(providers) if not any(map(os.environ.get, NEEDED[provider]))]
    if not missing:
        yield
        return
    with run_stand_in(StandIn(KEY)) as address:
        os.environ |= environment_variables(address, KEY)
        say(
            f"{', '.join(missing)} is not set, so the demo asks a stand-in on this machine. The stand-in is not a "
            "language model: it quotes a passage and draws a card. With a key, the same commands ask the real service. "
            "For the commands below, start the stand-in again:  python -m standin"
        )
        yield


def train(profile: str) -> str:
    """Train a model and print what the command prints; return the new version's URI, or nothing after a failure.

    A champion that was made from other documents stays, and the version is asked by its number.
    """
    command = [sys.executable, "-m", "training", "run", "--profile", profile]
    uri = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as training:
        for line in training.stdout or ():
            print(line, end="", flush=True)
            uri = line.split()[-1] if " models:/" in line else uri
    return "" if training.returncode else uri


def say(line: str) -> None:
    """Print a line set apart from others."""
    print(f"\n== {line}", flush=True)


def _start(*command: str) -> "subprocess.Popen[str]":
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, *command], cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
