"""``make demo``: the whole main job on this machine, with nothing but the project itself.

``make demo PROFILE=openai`` does it with that profile; where its key is not set, against the stand-in.
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
URI = "models:/multichain@champion"
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
"""Provider → the variables of which one says that there is a real service to ask."""


def main(profile: str = "offline") -> int:
    """Trains, asks from another folder, and sends three rows through Spark; the exit code."""
    started = time.perf_counter()
    store = os.environ.setdefault("MLFLOW_TRACKING_URI", f"sqlite:///{Path.cwd() / 'mlflow.db'}")
    with served(profile):
        spark = _start("examples/spark_rows.py", "-")  # Spark takes long to start: it does so meanwhile
        say(f"Documents in, a registered model out:  python -m training run --profile {profile}")
        if subprocess.call([sys.executable, "-m", "training", "run", "--profile", profile]):
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
            ask_status = subprocess.call(
                [sys.executable, "-m", "serving", "ask", REQUEST, "--out", picture], cwd=elsewhere
            )
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
    print(f"  python -m training run --profile {profile} --documents PATH/TO/YOUR/DOCUMENTS")
    print("  python -m serving up")
    return ask_status or spark.returncode


@contextmanager
def served(profile: str) -> Iterator[None]:
    """The services that the profile asks: the real ones where there is a key, else the stand-in, which is said."""
    providers = {entry["provider"] for _, _, entry in Profile.read(profile).entries} & NEEDED.keys()
    missing = [NEEDED[provider][0] for provider in sorted(providers) if not any(map(os.environ.get, NEEDED[provider]))]
    if not missing:
        yield
        return
    with run_stand_in(StandIn(KEY)) as address:
        os.environ |= environment_variables(address, KEY)
        say(
            f"{', '.join(missing)} is not set: this asks a stand-in on this machine, which is no language model. "
            "It quotes a passage and draws a card; with a key, the same commands ask the real service. For the "
            "commands below, start it again:  python -m standin"
        )
        yield


def say(line: str) -> None:
    """A line that stands apart."""
    print(f"\n== {line}", flush=True)


def _start(*command: str) -> "subprocess.Popen[str]":
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, *command], cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
