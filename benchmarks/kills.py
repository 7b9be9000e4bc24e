"""Kill commands at random moments, and see that nothing is lost, done twice or told wrongly. ``make kill`` runs it.

Usage: ``python benchmarks/kills.py [KILLS] [SEED]``. Each kill (SIGKILL to the whole group of processes) hits a run, an
update or a promotion after 0 to 14 seconds. After each, the champion has to be a version whose files are those that
were logged, the history has to be readable, and an index that was there has to be there. At the end a run has to
succeed, and nothing may be left behind.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import mlflow
from mlflow import MlflowClient

from commandline.scratch import open_scratch_folder
from model.retrieval.local.index import Index
from training.indexing.index_writer import lock_folder
from training.versions import damage, history, registry

NAME, MAX_SECONDS = "multichain", 14.0
DOCUMENTS = Path(__file__).parent.parent / "documents"
COMMANDS = {
    "run": ["run", "--documents", str(DOCUMENTS)],
    "update": ["run", "--update", "--documents", str(DOCUMENTS)],
    "promote": ["promote"],
}


def kill_one(chance: random.Random) -> str:
    """Start a command, kill it after a while, and return the command's name with the seconds."""
    name = chance.choice(list(COMMANDS))
    seconds = chance.uniform(0, MAX_SECONDS)
    command = subprocess.Popen(
        [sys.executable, "-m", "training", *COMMANDS[name]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        command.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(command.pid, signal.SIGKILL)
        command.wait()
        return f"{name} killed after {seconds:.1f} s"
    return f"{name} ended before {seconds:.1f} s"


def find_problems() -> Iterator[str]:
    """Yield what is wrong with the store and the index."""
    champion = registry.find_champion(NAME)
    if champion is None:
        yield "there is no champion"
    elif problem := damage.find_damage(f"models:/{NAME}/{champion.version}"):
        yield f"the champion, version {champion.version}, is damaged: {problem}"
    if not list(history.list_history(NAME)):
        yield "the history is empty"
    with lock_folder(Path("index").absolute()):  # as the next build repairs it
        Index.open(Path("index"))


def find_left_overs() -> Iterator[str]:
    """Yield what killed commands have left after the next one."""
    with open_scratch_folder("check"):
        pass
    yield from (str(path) for path in Path(tempfile.gettempdir()).glob("multichain-*"))
    yield from (str(path) for path in Path().glob(".*"))
    models = MlflowClient().search_logged_models(["0"], max_results=1000)
    yield from (f"unfinished model {model.model_id}" for model in models if str(model.status) == "PENDING")


def main(kills: int, seed: int) -> list[str]:
    """Kill commands, print what happened, and return what is wrong."""
    chance, problems = random.Random(seed), []
    subprocess.run([sys.executable, "-m", "training", *COMMANDS["run"]], check=True, stdout=subprocess.DEVNULL)
    for number in range(1, kills + 1):
        event = kill_one(chance)
        event_problems = list(find_problems())
        print(f"{number:4} {event}{': ' if event_problems else ''}{'; '.join(event_problems)}", flush=True)
        problems += event_problems
    before = len(registry.list_versions(NAME))
    last = subprocess.run(
        [sys.executable, "-m", "training", *COMMANDS["run"]], capture_output=True, text=True, check=False
    )
    champion = registry.find_champion(NAME)
    if last.returncode or champion is None or int(champion.version) != before + 1:
        problems.append(f"a run after the kills did not promote its version: {last.stderr.strip()[-200:]}")
    return [*problems, *find_left_overs()]


if __name__ == "__main__":
    scratch = Path(tempfile.mkdtemp(prefix="kills-"))
    (scratch / "tmp").mkdir()
    (scratch / "store").mkdir()
    os.chdir(scratch / "store")
    os.environ["TMPDIR"] = tempfile.tempdir = str(scratch / "tmp")
    mlflow.set_tracking_uri(f"sqlite:///{scratch / 'store' / 'mlflow.db'}")
    os.environ["MLFLOW_TRACKING_URI"] = mlflow.get_tracking_uri()
    started = time.monotonic()
    arguments = [int(word) for word in sys.argv[1:]] + [100, 1][len(sys.argv) - 1 :]
    problems = main(*arguments)
    print("\n".join(problems) or "Nothing was lost, done twice, told wrongly or left behind")
    print(f"{time.monotonic() - started:.0f} s")
    sys.exit(bool(problems))
