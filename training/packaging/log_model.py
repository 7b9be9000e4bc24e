"""Logs an index and the code that answers from it as one MLflow model.

The work is done in a process of its own, with the version's copy of the code on its path: in this process, a
later ``load_model`` would find the temporary copy instead of the logged one.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from model.errors import CommandError, ProfileError
from model.profile import Profile
from model.profile_validation import validate_profile
from model.retrieval.ai_search.description import RemoteIndex
from model.retrieval.local.index import Index

from . import code_snapshot, requirements


@dataclass(frozen=True, slots=True)
class _Job:
    """What the process that logs is told."""

    profile: str
    code: list[str]
    entry: str
    requirements: list[str]
    artifacts: dict[str, str]
    endpoints: list[str]
    indexes: list[str]
    tags: dict[str, str]
    result: str


def log(
    profile: str, index: Path, runnables: Mapping[str, Any] | None = None, tags: Mapping[str, str] | None = None
) -> str:
    """Logs the model and gives its URI, ``models:/m-…``. Raises IndexFolderError, ProfileError, CommandError.

    ``runnables`` are objects for stages that name them by ``cloudpickle``: by name. ``tags`` are the model's.
    """
    runnables = runnables or {}
    told = Profile.read(profile)
    _check(told, runnables)
    built = told.open_index(index)
    fits(told, built)
    with tempfile.TemporaryDirectory(prefix="multichain-log-") as folder:
        _, entry, code = code_snapshot.copy(profile, Path(folder), runnables)
        job = _Job(
            profile=told.name,
            code=[str(path) for path in code],
            entry=str(entry),
            requirements=requirements.closure({*requirements.BASE, *told.distributions}),
            artifacts=_artifacts(told, index),
            endpoints=sorted({*told.databricks_endpoints, *_embedding(built)}),
            indexes=[built.name] if isinstance(built, RemoteIndex) else [],
            tags=dict(tags or {}),
            result=str(Path(folder) / "result.json"),
        )
        return _run(job, folder)


def _check(profile: Profile, runnables: Mapping[str, Any]) -> None:
    """Raises ProfileError; what depends on objects that are given here is checked where the version's copy is."""
    wanted = {stage["cloudpickle"] for stage in profile.stages.values() if "cloudpickle" in stage}
    for name in sorted(runnables.keys() ^ wanted):
        sentence = "is given, and no stage names it" if name in runnables else "is named by a stage, and not given"
        raise ProfileError(f"the object {name} {sentence}: log(profile, index, runnables={{{name!r}: …}})")
    if not wanted:
        validate_profile(profile)


def _artifacts(profile: Profile, index: Path) -> dict[str, str]:
    """The index, and the embedding model's folder where it has one."""
    folder = {"embeddings": str(profile.embedding_folder.absolute())} if profile.embedding_folder else {}
    return {"index": str(index.absolute())} | folder


def _embedding(index: Index | RemoteIndex) -> list[str]:
    """The endpoint that embeds questions for an index elsewhere, which a version asks by asking the index."""
    return [index.embedding["model"]] if isinstance(index, RemoteIndex) and index.is_managed else []


def fits(profile: Profile, index: Index | RemoteIndex) -> None:
    """Raises CommandError, naming both, when what a build left is not of this profile."""
    if isinstance(index, RemoteIndex) and (index.settings, index.uses_own_embeddings) != (
        profile.index,
        bool(profile.embeddings),
    ):
        raise CommandError(
            f"{profile.yaml_file.locate('index')}: {index.name} was described with other settings or embeddings; run "
            "python -m training build again"
        )
    if isinstance(index, Index) or index.uses_own_embeddings:
        same_embedding(profile, index)


def same_embedding(profile: Profile, index: Index | RemoteIndex) -> None:
    """Raises CommandError, naming both, when the index was built with other embeddings than the profile's."""
    ours, built = profile.make_embedder(index=index if isinstance(index, Index) else None), index.embedding
    if (ours.provider, ours.model) != (built["provider"], built["model"]):
        raise CommandError(
            f"the index was built with the embeddings {built['provider']}:{built['model']}, and the profile has "
            f"{ours.provider}:{ours.model}; build the index again, or name the profile it was built with"
        )


def _run(job: _Job, folder: str) -> str:
    path = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(  # noqa: S603 - our own module, our own arguments
        [sys.executable, "-m", "training.packaging.log_model", json.dumps(asdict(job))],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    result = Path(job.result)
    told = json.loads(result.read_text("utf-8")) if result.is_file() else {}
    if "error" in told:
        raise ProfileError(told["error"])
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CommandError(f"MLflow could not log the model: {last}")
    return str(told["uri"])


def _log(job: _Job) -> None:
    """What the process does, with the version's own copy of the code."""
    code = Path(job.code[0]).name
    copy = import_module(f"{code}.profile").Profile.read(job.profile)
    try:
        contract = import_module(f"{code}.profile_validation").validate_profile(copy)
    except Exception as error:
        if type(error).__name__ != ProfileError.__name__:  # the copy's class is another than ours
            raise
        Path(job.result).write_text(json.dumps({"error": str(error)}), "utf-8")
        sys.exit(1)
    import mlflow  # two seconds, in this process alone
    from mlflow.models.resources import DatabricksServingEndpoint, DatabricksVectorSearchIndex

    from .signature import signature

    logged = mlflow.pyfunc.log_model(
        name="multichain",
        python_model=job.entry,
        code_paths=job.code,
        artifacts=job.artifacts,
        resources=[
            *(DatabricksServingEndpoint(endpoint_name=name) for name in job.endpoints),
            *(DatabricksVectorSearchIndex(index_name=name) for name in job.indexes),
        ]
        or None,
        tags=job.tags,
        signature=signature(contract),
        input_example=contract.example_request(),
        pip_requirements=job.requirements,
        metadata={"profile": job.profile, "fingerprint": code.removeprefix("multichain_")},
        streamable=True,
    )
    Path(job.result).write_text(json.dumps({"uri": logged.model_uri}), "utf-8")


if __name__ == "__main__":
    _log(_Job(**json.loads(sys.argv[1])))
