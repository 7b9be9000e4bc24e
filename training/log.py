"""Logs an index and the code that answers from it as one MLflow model.

The work is done in a process of its own, with the version's copy of the code on its path: in this process, a
later ``load_model`` would find the temporary copy instead of the logged one.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from model.errors import CommandError
from model.profile import Profile
from model.retrieval.index import Index

from . import package, requirements


@dataclass(frozen=True, slots=True)
class _Job:
    """What the process that logs is told."""

    profile: str
    index: str
    code: str
    entry: str
    requirements: list[str]
    result: str


def log(profile: str, index: Path) -> str:
    """Logs the model and gives its URI, ``models:/m-…``. Raises IndexFolderError, ProfileError, CommandError."""
    told = Profile.read(profile)
    _same_embedding(told, Index.open(index))
    with tempfile.TemporaryDirectory(prefix="multichain-log-") as folder:
        name, entry = package.copy(profile, Path(folder))
        job = _Job(
            profile=profile,
            index=str(index.absolute()),
            code=str(Path(folder) / name),
            entry=str(entry),
            requirements=requirements.closure({*requirements.BASE, *told.requires}),
            result=str(Path(folder) / "result.json"),
        )
        _run(job, folder)
        return str(json.loads(Path(job.result).read_text("utf-8"))["uri"])


def _same_embedding(profile: Profile, index: Index) -> None:
    ours, built = profile.embedder(), index.manifest.embedding
    if (ours.provider, ours.model) != (built["provider"], built["model"]):
        raise CommandError(
            f"the index was built with the embeddings {built['provider']}:{built['model']}, and the profile has "
            f"{ours.provider}:{ours.model}; build the index again, or name the profile it was built with"
        )


def _run(job: _Job, folder: str) -> None:
    path = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(  # noqa: S603 - our own module, our own arguments
        [sys.executable, "-m", "training.log", json.dumps(asdict(job))],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CommandError(f"MLflow could not log the model: {last}")


def _log(job: _Job) -> None:
    """What the process does: declarations come from ``model``, the code that is logged from the version's copy."""
    import mlflow  # noqa: PLC0415 - two seconds, in this process alone

    from .signature import signature  # noqa: PLC0415

    profile = Profile.read(job.profile)
    pipeline = profile.pipeline(Index.open(Path(job.index)))
    logged = mlflow.pyfunc.log_model(
        name="multichain",
        python_model=job.entry,
        code_paths=[job.code],
        artifacts={"index": job.index},
        signature=signature(pipeline.contract),
        input_example=pipeline.contract.example(),
        pip_requirements=job.requirements,
        metadata={"profile": profile.name, "fingerprint": Path(job.code).name.removeprefix("multichain_")},
    )
    Path(job.result).write_text(json.dumps({"uri": logged.model_uri}), "utf-8")


if __name__ == "__main__":
    _log(_Job(**json.loads(sys.argv[1])))
