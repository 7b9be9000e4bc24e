"""Check that the gate refuses worse versions and passes equal ones, for ``make gate``.

Versions are planted in copies of a good version: by their files, as a mistake would change them. Each is compared with
the good version on twenty samples of the questions, as ``training promote`` does: both in processes of their own, in
turns.

``python benchmarks/gate.py [TRIALS] [QUESTIONS] [FILE]`` exits with 1 when the aim is missed: of twenty trials, at
least nineteen refuse a worse version, or pass an equal one. With ``untimed`` at the end seconds do not count, for a
machine that does other work meanwhile.
"""

import ast
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import mlflow

from model.profile import Profile
from model.retrieval.local.manifest import compute_checksum
from standin.app import StandIn
from standin.server import environment_variables, run_stand_in
from training.evaluation.dataset import EvaluationDataset, Example, read_dataset
from training.evaluation.runner import ask_versions
from training.indexing.build import build_index
from training.packaging.log_model import log_model
from training.promotion.gate import Verdict, decide_verdict
from training.versions.process import VersionProcess, open_version

ROOT = Path(__file__).parent.parent
FILE = ROOT.parent / "shared" / "data" / "xquad-en-dev.json"
AIM = 0.95
_ANSWERED = r'"answer": .*reply\.text,'
_DELAY = "import asyncio; await asyncio.sleep(0.04)"

Plant = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of version to compare.

    Attributes:
        name: Name of the kind.
        plant: Changes a copy of the good version.
        worse: Whether the gate has to refuse the version.
        good: Name of the good version that is copied.
    """

    name: str
    plant: Plant
    worse: bool
    good: str = "offline"


@dataclass(frozen=True, slots=True)
class Trials:
    """The trials of each kind.

    Attributes:
        number: Number of trials.
        questions: Questions in the sample of one trial.
        evaluation: Evaluation dataset that samples are drawn from.
        timed: Whether seconds are compared.
    """

    number: int
    questions: int
    evaluation: EvaluationDataset
    timed: bool

    def samples(self) -> Iterator[list[Example]]:
        """Yield the sample of each trial, each with other questions."""
        examples = self.evaluation.examples
        for number in range(self.number):
            yield Random(number).sample(examples, min(self.questions, len(examples)))


def main(number: int = 20, questions: int = 100, file: Path = FILE, *, timed: bool = True) -> int:
    """Print a line for each kind.

    Args:
        number: Number of trials of each kind.
        questions: Questions in the sample of one trial.
        file: Evaluation file.
        timed: Whether seconds are compared.

    Returns:
        The exit code: 1 when a kind missed the aim.
    """
    evaluation = read_dataset(file)
    trials, stand_in = Trials(number, questions, evaluation, timed), StandIn()
    with tempfile.TemporaryDirectory(prefix="multichain-gate-") as folder, run_stand_in(stand_in) as address:
        os.environ |= environment_variables(address, stand_in.key)
        os.environ |= {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "MLFLOW_LOGGING_LEVEL": "ERROR"}
        os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
        os.chdir(folder)
        good_versions = {name: _make_good_version(name, evaluation, Path(folder)) for name in ("offline", "openai")}
        good_versions["offline, unreliable"] = _copy_version(good_versions["offline"], Path(folder) / "unreliable")
        _make_unreliable("a")(good_versions["offline, unreliable"])
        half_index = _build_sample_index(Profile.read("offline"), evaluation, Path(folder) / "half", every=2)
        kinds = [kind for kind in _list_kinds(half_index) if timed or kind.name != "slower stage"]
        missed_kinds = [
            kind.name for kind in kinds if not _compare_kind(kind, good_versions[kind.good], Path(folder), trials)
        ]
        os.chdir(ROOT)
    print(f"Missed: {', '.join(missed_kinds)}" if missed_kinds else "The gate met its aim for every kind")
    return bool(missed_kinds)


def _list_kinds(half_index: Path) -> Iterator[Kind]:
    yield Kind("the same", lambda _: None, worse=False)
    yield Kind("as unreliable, in other rows", _make_unreliable("b"), worse=False, good="offline, unreliable")
    yield Kind("shuffled index", _shuffle_chunks, worse=True)
    yield Kind("half the documents", lambda version: _replace_index(version, half_index), worse=True)
    yield Kind("slower stage", _slow_stage, worse=True)
    yield Kind("a prompt without the question", _drop_question, worse=True, good="openai")
    yield Kind("the same, with a chat model", lambda _: None, worse=False, good="openai")


def _compare_kind(kind: Kind, good: Path, folder: Path, trials: Trials) -> bool:
    """Compare one kind with the good version on samples of the questions; return whether the aim is met."""
    started = time.perf_counter()
    planted_version = _copy_version(good, folder / kind.name.replace(" ", "-"))
    kind.plant(planted_version)
    with open_version(str(planted_version)) as challenger, open_version(str(good)) as champion:
        verdicts = [_decide_sample(challenger, champion, sample, timed=trials.timed) for sample in trials.samples()]
    refusals = [verdict for verdict in verdicts if not verdict.is_promoted]
    correct_count = len(refusals) if kind.worse else len(verdicts) - len(refusals)
    outcome = "ok" if correct_count >= AIM * len(verdicts) else "MISSED"
    reasons = "; ".join(sorted({reason.partition(":")[0] for verdict in refusals for reason in verdict.reasons}))
    seconds = f"{time.perf_counter() - started:5.0f} s"
    print(f"{outcome:8}{kind.name:32}refused {len(refusals):2} of {len(verdicts)} {seconds}   {reasons}", flush=True)
    return outcome == "ok"


def _decide_sample(
    challenger: VersionProcess, champion: VersionProcess, sample: list[Example], *, timed: bool
) -> Verdict:
    evaluated = ask_versions([challenger, champion], sample, lambda _done, _total: None)
    values = [[example.metrics for example in examples] for examples in evaluated]
    if not timed:
        values = [[{name: row[name] for name in row if name != "seconds"} for row in rows] for rows in values]
    return decide_verdict(*values)


def _make_good_version(profile: str, evaluation: EvaluationDataset, folder: Path) -> Path:
    index = _build_sample_index(Profile.read(profile), evaluation, folder / profile)
    return Path(
        mlflow.artifacts.download_artifacts(log_model(profile, index), dst_path=str(folder / f"{profile}-version"))
    )


def _build_sample_index(profile: Profile, evaluation: EvaluationDataset, folder: Path, every: int = 1) -> Path:
    """Build an index of all paragraphs, or of each ``every``-th, and return its folder."""
    for source, text in [*evaluation.paragraphs.items()][::every]:
        (folder / "texts" / source).parent.mkdir(parents=True, exist_ok=True)
        (folder / "texts" / source).write_text(text, "utf-8")
    return build_index(profile, [folder / "texts"], folder / "index", lambda _done, _total: None).folder


def _copy_version(version: Path, copy: Path) -> Path:
    shutil.copytree(version, copy)
    return copy


def _code_file(version: Path, name: str) -> Path:
    (copy,) = (version / "code").iterdir()
    return copy / name


def _edit_file(file: Path, before: str, after: str) -> None:
    text = file.read_text("utf-8")
    if text.count(before) != 1:
        raise ValueError(f"{file} has changed, so nothing can be planted in it")
    file.write_text(text.replace(before, after), "utf-8")


def _replace_index(version: Path, index: Path) -> None:
    shutil.rmtree(version / "artifacts" / "index")
    shutil.copytree(index, version / "artifacts" / "index")


def _shuffle_chunks(version: Path) -> None:
    """Change the order of the chunks, but not that of their vectors and words."""
    index = version / "artifacts" / "index"
    lines = (index / "chunks.jsonl").read_text("utf-8").splitlines(keepends=True)
    Random(1).shuffle(lines)
    (index / "chunks.jsonl").write_text("".join(lines), "utf-8")
    manifest = json.loads((index / "manifest.json").read_text("utf-8"))
    manifest["files"]["chunks.jsonl"] = compute_checksum(index / "chunks.jsonl")
    (index / "manifest.json").write_text(json.dumps(manifest), "utf-8")


def _slow_stage(version: Path) -> None:
    """Make the stage that answers wait 40 ms at the start of each run."""
    file = _code_file(version, "stages/retrieval_qa.py")
    text = file.read_text("utf-8")
    methods = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.AsyncFunctionDef)]
    runs = [method for method in methods if method.name == "run"]
    if len(runs) != 1:
        raise ValueError(f"{file} has {len(runs)} methods named run, so nothing can be planted in it")
    (run,) = runs
    first = run.body[ast.get_docstring(run) is not None]
    lines = text.splitlines(keepends=True)
    lines.insert(first.lineno - 1, f"{' ' * first.col_offset}{_DELAY}\n")
    file.write_text("".join(lines), "utf-8")


def _drop_question(version: Path) -> None:
    _edit_file(_code_file(version, "prompts/answer.txt"), "Question: $question", "")


def _make_unreliable(seed: str) -> Plant:
    """Return a plant that empties a sixth of the answers, chosen by chance and ``seed``."""
    chance = f'"" if __import__("zlib").crc32(("{seed}" + question).encode()) % 6 == 0 else '

    def plant(version: Path) -> None:
        file = _code_file(version, "stages/retrieval_qa.py")
        text, replaced = re.subn(_ANSWERED, f'"answer": {chance}reply.text,', file.read_text("utf-8"))
        if replaced != 1:
            raise ValueError(f"{file} has changed, so nothing can be planted in it")
        file.write_text(text, "utf-8")

    return plant


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "untimed"]
    sys.exit(main(*map(int, arguments[:2]), *map(Path, arguments[2:]), timed="untimed" not in sys.argv))
