"""Log an index and the code that answers from it as one MLflow model.

MLflow runs in a separate process that has the version's copy of the code on its path: in this process, a later
``load_model`` would import the temporary copy instead of the logged one.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from commandline import mlflow_store
from commandline.saved_version import FINGERPRINT_ENTRY, MANIFEST_ENTRY
from commandline.scratch import open_scratch_folder
from commandline.subprocesses import read_last_line, run_module
from commandline.version_manifest import CODE_PREFIX, MANIFEST_ARTIFACT, VersionManifest, hash_file, hash_folder
from model.contract.description import QUESTIONS_ARTIFACT
from model.errors import CommandError, ProfileError
from model.profile import Profile
from model.profile_validation import validate_profile
from model.providers.server_facts import FACTS_ARTIFACT, ServerFacts
from model.retrieval.ai_search.description import RemoteIndex
from model.retrieval.local.index import Index

from . import code_snapshot, requirements
from .bill_of_materials import BILL_FILE, write_bill_of_materials
from .example_question import EXAMPLE_FIELD, EXAMPLE_STAGE, choose_first_questions, choose_question
from .unfinished_models import describe_process, remove_unfinished_models


@dataclass(frozen=True, slots=True)
class LoggingJob:
    """Arguments of the process that logs.

    Attributes:
        profile: Name of the profile.
        code: Paths of the code to log; the version's package first.
        entry: Path of the file that MLflow runs to load the model.
        requirements: Pinned distributions.
        artifacts: Paths of folders to log, by name.
        endpoints: Databricks serving endpoints that the model calls.
        indexes: AI Search indexes that the model queries.
        tags: Tags of the model.
        result: Path of the JSON file that receives ``uri`` or ``error``.
        manifest: SHA-256 of the version's manifest.
        question: Question of the version's example; empty for the one that the contract declares.
    """

    profile: str
    code: list[str]
    entry: str
    requirements: list[str]
    artifacts: dict[str, str]
    endpoints: list[str]
    indexes: list[str]
    tags: dict[str, str]
    result: str
    manifest: str
    question: str = ""


def log_model(
    profile: str,
    index: Path,
    runnables: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    facts: ServerFacts | None = None,
    signing_key: Path | None = None,
) -> str:
    """Log a model.

    Args:
        profile: Name of a profile, or path of its file.
        index: The index folder.
        runnables: Objects for stages that name them by ``cloudpickle``, by name.
        tags: Tags of the model.
        facts: What preflight and the build have learned of the profile's servers; None for nothing.
        signing_key: PEM file of an Ed25519 key that signs the version's manifest; None for no signature.

    Returns:
        The model's URI, ``models:/m-…``.

    Raises:
        ProfileError: The profile is wrong, or ``runnables`` are not the objects that it names.
        IndexFolderError: The index folder is missing or damaged.
        CommandError: The index does not fit the profile, a distribution is not installed, the key cannot be read, or
            MLflow failed.
    """
    runnables = runnables or {}
    loaded_profile = Profile.read(profile)
    _check_profile(loaded_profile, runnables)
    index_opened = loaded_profile.open_index(index)
    check_index(loaded_profile, index_opened)
    with open_scratch_folder("log") as folder:
        package, entry, code = code_snapshot.copy_code(profile, folder, runnables)
        pins = requirements.pin_closure({*requirements.BASE_DISTRIBUTIONS, *loaded_profile.distributions})
        question, first_questions = _choose_questions(loaded_profile, index_opened, runnables)
        artifacts = _stage_artifacts(loaded_profile, index, facts or ServerFacts(), first_questions, folder)
        files = {
            "entry.py": hash_file(entry),
            **_hash_all(code, "code"),
            **_hash_all(artifacts.values(), "artifacts"),
        }
        artifacts[MANIFEST_ARTIFACT], digest = _write_manifest(package, pins, files, folder, signing_key)
        job = LoggingJob(
            profile=loaded_profile.name,
            code=[str(path) for path in code],
            entry=str(entry),
            requirements=pins,
            artifacts={name: path.as_uri() for name, path in artifacts.items()},
            endpoints=sorted({*loaded_profile.databricks_endpoints, *_embedding_endpoints(index_opened)}),
            indexes=[index_opened.name] if isinstance(index_opened, RemoteIndex) else [],
            tags=dict(tags or {}) | describe_process(folder),
            result=str(folder / "result.json"),
            manifest=digest,
            question=question,
        )
        return _run_job(job, str(folder))


def _choose_questions(
    profile: Profile, index: Index | RemoteIndex, runnables: Mapping[str, Any]
) -> tuple[str, list[str]]:
    """Return the question of the version's example, and those that a page offers to begin with.

    Both are empty where no index is at hand, or the stage is another.
    """
    stage = None if runnables else profile.contract.stages.get(EXAMPLE_STAGE)
    usual_question = stage.example_values().get(EXAMPLE_FIELD) if stage else None
    if not isinstance(index, Index) or not isinstance(usual_question, str):
        return "", []
    return choose_question(index, usual_question), choose_first_questions(index, usual_question)


def _check_profile(profile: Profile, runnables: Mapping[str, Any]) -> None:
    """Raise ProfileError when ``runnables`` are not the objects that the profile names, or the profile is wrong.

    A profile with such objects is validated later, in the process that has the version's copy of the code.
    """
    names = {stage["cloudpickle"] for stage in profile.stages.values() if "cloudpickle" in stage}
    for name in sorted(runnables.keys() ^ names):
        sentence = "was passed, but no stage names it" if name in runnables else "is named by a stage, but not passed"
        raise ProfileError(
            f"the object {name} {sentence}; log_model(profile, index, runnables={{{name!r}: …}}) must pass exactly the "
            "objects that stages name under cloudpickle"
        )
    if not names:
        validate_profile(profile)


def _make_example(contract: Any, question: str) -> dict[str, Any]:  # the contract of the version's copy of the code
    """Return the request that a version is verified with."""
    example: dict[str, Any] = contract.example_request()
    if question:
        example[EXAMPLE_STAGE] |= {EXAMPLE_FIELD: question}
    return example


def _stage_artifacts(
    profile: Profile, index: Path, facts: ServerFacts, first_questions: list[str], folder: Path
) -> dict[str, Path]:
    """Return the paths of what is logged beside the code, by name.

    MLflow names what it logs by the path, so a folder of another name than its artifact's is copied to ``folder``.
    """
    sources = {"index": index} | ({"embeddings": profile.embedding_folder} if profile.embedding_folder else {})
    staged = {name: source.resolve() for name, source in sources.items()}
    (folder / "artifacts").mkdir()
    for name, source in staged.items():
        if source.name != name:
            staged[name] = Path(shutil.copytree(source, folder / "artifacts" / name))
    for name, values in {FACTS_ARTIFACT: facts.to_json(), QUESTIONS_ARTIFACT: first_questions}.items():
        if values:
            staged[name] = folder / "artifacts" / f"{name}.json"
            staged[name].write_text(json.dumps(values, indent=1, ensure_ascii=False), "utf-8")
    return staged


def _hash_all(paths: Iterable[Path], prefix: str) -> dict[str, str]:
    """Return the checksums of files and folders by their paths in the version, which begin with ``prefix``."""
    return {name: digest for path in paths for name, digest in hash_folder(path, f"{prefix}/{path.name}").items()}


def _write_manifest(
    package: str, pins: list[str], files: dict[str, str], folder: Path, signing_key: Path | None
) -> tuple[Path, str]:
    """Write the manifest with the bill of materials; return their folder, and the manifest's checksum."""
    target = folder / MANIFEST_ARTIFACT
    target.mkdir()
    write_bill_of_materials(package, pins, target / BILL_FILE)
    files |= hash_folder(target, f"artifacts/{MANIFEST_ARTIFACT}")
    return target, VersionManifest(package, pins, files).write(target, signing_key)


def _embedding_endpoints(index: Index | RemoteIndex) -> list[str]:
    """Return the endpoint that embeds questions for an AI Search index; the model needs permission to query it."""
    return [index.embedding["model"]] if isinstance(index, RemoteIndex) and index.is_managed else []


def check_index(profile: Profile, index: Index | RemoteIndex) -> None:
    """Check that an index fits a profile.

    Args:
        profile: The profile.
        index: An index, or the description of an AI Search index.

    Raises:
        CommandError: Settings or embeddings differ.
        ProfileError: A setting of the embeddings is invalid.
    """
    if isinstance(index, RemoteIndex) and (index.settings, index.uses_own_embeddings) != (
        profile.index,
        bool(profile.embeddings),
    ):
        raise CommandError(
            f"{profile.yaml_file.locate('index')}: {index.name} was described with other settings or embeddings; run "
            "python -m training build again"
        )
    if isinstance(index, Index) or index.uses_own_embeddings:
        check_embedding(profile, index)


def check_embedding(profile: Profile, index: Index | RemoteIndex) -> None:
    """Check that an index was built with the embedding model of a profile.

    Args:
        profile: The profile.
        index: An index, or the description of an AI Search index.

    Raises:
        CommandError: The embedding models differ; the message names both.
        ProfileError: A setting of the embeddings is invalid.
    """
    embedder, embedding = profile.make_embedder(index=index if isinstance(index, Index) else None), index.embedding
    if (embedder.provider, embedder.model) != (embedding["provider"], embedding["model"]):
        raise CommandError(
            f"the index was built with the embeddings {embedding['provider']}:{embedding['model']}, but the profile "
            f"has {embedder.provider}:{embedder.model}; build the index again, or use the profile that built it"
        )


def _run_job(job: LoggingJob, folder: str) -> str:
    path = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
    done = run_module("training.packaging.log_model", json.dumps(asdict(job)), environment={"PYTHONPATH": path})
    result = Path(job.result)
    outcome = json.loads(result.read_text("utf-8")) if result.is_file() else {}
    if "error" in outcome:
        raise ProfileError(outcome["error"])
    if done.returncode:
        raise CommandError(f"MLflow could not log the model: {read_last_line(done.stderr)}")
    return str(outcome["uri"])


def _log_in_process(job: LoggingJob) -> None:
    """Log the model in the separate process, with the version's copy of the code."""
    code = Path(job.code[0]).name
    copy = import_module(f"{code}.profile").Profile.read(job.profile)
    try:
        contract = import_module(f"{code}.profile_validation").validate_profile(copy)
    except Exception as error:
        if type(error).__name__ != ProfileError.__name__:  # the copy has a class of its own, so no isinstance
            raise
        Path(job.result).write_text(json.dumps({"error": str(error)}), "utf-8")
        sys.exit(1)
    import mlflow  # takes two seconds, needed in this process alone
    from mlflow.models.resources import DatabricksServingEndpoint, DatabricksVectorSearchIndex

    from .signature import make_signature

    model_info = mlflow.pyfunc.log_model(
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
        signature=make_signature(contract),
        input_example=_make_example(contract, job.question),
        pip_requirements=job.requirements,
        metadata={
            "profile": job.profile,
            FINGERPRINT_ENTRY: code.removeprefix(CODE_PREFIX),
            MANIFEST_ENTRY: job.manifest,
        },
        streamable=True,
    )
    Path(job.result).write_text(json.dumps({"uri": model_info.model_uri}), "utf-8")
    remove_unfinished_models(mlflow.get_logged_model(model_info.model_id).experiment_id)


if __name__ == "__main__":
    mlflow_store.adapt_to_folder()
    _log_in_process(LoggingJob(**json.loads(sys.argv[1])))
