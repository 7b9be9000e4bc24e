"""Check the files of a saved version before anything in them is executed.

MLflow imports what MLmodel names and runs the code in the version's folder. So each file is compared with what was
written when the version was logged: MLmodel's entries by their only right values, the code by the digest in its
package's name, and all files by the version's manifest, which can be signed (version_manifest.py).
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from model.errors import CommandError

from .bytecode import find_foreign_bytecode
from .version_manifest import (
    CODE_PREFIX,
    MANIFEST_PATH,
    SIGNATURE_PATH,
    VersionManifest,
    compute_code_digest,
    explain_signature,
    hash_file,
    is_logged,
    list_packages,
    make_entry,
)

FINGERPRINT_ENTRY, MANIFEST_ENTRY = "fingerprint", "manifest"
"""Names in MLmodel's metadata: digest of the code, and of the manifest."""
_CODE, _ARTIFACTS, _ENTRY = "code", "artifacts", "entry.py"
_LOADER = "mlflow.pyfunc.loaders.code_model"
_FLAVOR = "python_function"
_FLAVOR_ENTRIES = frozenset(
    {
        "artifacts",
        "cloudpickle_version",
        "code",
        "env",
        "loader_module",
        "model_code_path",
        "python_version",
        "streamable",
    }
)
_ENVIRONMENT = {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}
_WRITTEN_BY_MLFLOW = frozenset(
    {
        "MLmodel",
        "conda.yaml",
        "python_env.yaml",
        "requirements.txt",
        "input_example.json",
        "serving_input_example.json",
        "registered_model_meta",
        "environment_variables.txt",
    }
)
_PIN = re.compile(r"[A-Za-z0-9._-]+(\[[\w,.-]+\])?==[\w.!+-]+")
_TOOL_PIN = re.compile(r"(python|pip|setuptools|wheel)(([<>=]=?)[\w.]+)?")
_SERVE = re.compile(r"from (\w+)\.pyfunc import serve\nserve\((\"[^\n]*\")\)\n")


def is_own_version(folder: Path) -> bool:
    """Return whether a saved model was logged by this project, whatever its MLmodel says now.

    Args:
        folder: Folder of the saved model.
    """
    metadata = _read_mlmodel(folder).get("metadata")
    return bool(list_packages(folder / _CODE)) or (isinstance(metadata, dict) and FINGERPRINT_ENTRY in metadata)


def require_unchanged(folder: Path, public_key: Path | None = None) -> None:
    """Check that a saved version is what was logged, before it is loaded.

    A model that this project did not log is not checked, unless a key is given.

    Args:
        folder: Folder of the saved model.
        public_key: PEM file of the key by which the version must be signed; None for any version.

    Raises:
        CommandError: A file was changed, or the signature is missing or wrong.
    """
    change = next(find_changes(folder, public_key), "")
    if change:
        raise CommandError(
            f"the version in {folder} is not what was logged, so nothing in it was executed: {change}; use another "
            "version, or log this one again"
        )


def load_unchanged(uri: str, public_key: Path | None = None) -> Any:
    """Return the version at ``uri`` as MLflow loads it, after a check of its files.

    Args:
        uri: MLflow URI or folder of the version.
        public_key: PEM file of the key by which the version must be signed; None for any version.

    Raises:
        MlflowException: There is no such version, or it cannot be loaded.
        CommandError: A file was changed, or the signature is missing or wrong.
    """
    import mlflow  # takes two seconds

    folder = Path(mlflow.artifacts.download_artifacts(uri))
    require_unchanged(folder, public_key)
    return mlflow.pyfunc.load_model(str(folder))


def find_changes(folder: Path, public_key: Path | None = None) -> Iterator[str]:
    """Yield a sentence for each difference between a saved version and what was logged. Nothing is executed.

    Args:
        folder: Folder of the saved model.
        public_key: PEM file of the key by which the version must be signed; None for any version.

    Raises:
        CommandError: The key cannot be read, or is of another kind.
    """
    if not is_own_version(folder):
        if public_key is not None:
            yield "it was not logged by this project, so it has no signature"
        return
    yield from (
        f"{path.relative_to(folder)} is a link, of which versions have none"
        for path in sorted(folder.rglob("*"))
        if path.is_symlink()
    )
    mlmodel = _read_mlmodel(folder)
    yield from _find_changed_entries(mlmodel)
    yield from _find_changed_code(folder, mlmodel)
    yield from _find_changed_requirements(folder)
    yield from _find_changed_files(folder, mlmodel)
    if public_key is not None:
        yield from filter(None, [explain_signature(folder, public_key)])


def _read_mlmodel(folder: Path) -> dict[str, Any]:
    """Return MLmodel's content; empty when the file cannot be read."""
    try:
        content = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}


def _find_changed_entries(mlmodel: Mapping[str, Any]) -> Iterator[str]:
    """Yield the entries of MLmodel that decide what MLflow executes, and have another value than in any version."""
    flavors = mlmodel.get("flavors")
    flavor = flavors.get(_FLAVOR) if isinstance(flavors, dict) else None
    if not isinstance(flavor, dict) or set(flavors) != {_FLAVOR}:  # type: ignore[arg-type]  # a dict
        yield f"MLmodel does not describe the flavor {_FLAVOR} alone"
        return
    yield from (f"MLmodel has the entry {key}, of which versions have none" for key in set(flavor) - _FLAVOR_ENTRIES)
    expected = {"loader_module": _LOADER, "code": _CODE, "env": _ENVIRONMENT}
    yield from (
        f"MLmodel has another {key} than {value}" for key, value in expected.items() if flavor.get(key) != value
    )
    if PurePosixPath(str(flavor.get("model_code_path"))).name != _ENTRY:
        yield f"MLmodel has another model_code_path than {_ENTRY}"
    artifacts = flavor.get("artifacts")
    for name, artifact in artifacts.items() if isinstance(artifacts, dict) else ():
        path = PurePosixPath(str(artifact.get("path") if isinstance(artifact, dict) else ""))
        if path.parts[:1] != (_ARTIFACTS,) or len(path.parts) != 2 or ".." in path.parts:  # noqa: PLR2004
            yield f"MLmodel has a path of the artifact {name} outside {_ARTIFACTS}/"


def _find_changed_code(folder: Path, mlmodel: Mapping[str, Any]) -> Iterator[str]:
    packages = list_packages(folder / _CODE)
    metadata = mlmodel.get("metadata")
    if packages != [f"{CODE_PREFIX}{metadata.get(FINGERPRINT_ENTRY) if isinstance(metadata, dict) else ''}"]:
        yield "code/ does not hold the one package that MLmodel names"
    for name in packages:
        actual = compute_code_digest(folder / _CODE, name)
        if actual != name.removeprefix(CODE_PREFIX):
            yield f"the files of {name} were changed after logging; their digest is now {actual}"
    if not _is_right_entry(folder, packages):
        yield f"{_ENTRY} was changed"
    for file in find_foreign_bytecode(folder / _CODE):
        yield f"{file.relative_to(folder)} is not compiled from the source beside it"


def _is_right_entry(folder: Path, packages: list[str]) -> bool:
    """Return whether the entry serves one of the version's own profiles and does nothing else."""
    try:
        match = _SERVE.fullmatch((folder / _ENTRY).read_text("utf-8"))
        profile = json.loads(match[2]) if match else ""
    except (OSError, ValueError):
        return False
    if match is None or match[1] not in packages or "/" in profile:
        return False
    content = make_entry(match[1], profile) == match[0]
    return content and (folder / _CODE / match[1] / "profiles" / f"{profile}.yaml").is_file()


def _find_changed_requirements(folder: Path) -> Iterator[str]:
    """Yield the files for environments that name anything but pinned distributions of the usual indexes.

    ``pip`` would follow options and addresses in them, and run the set-up code of what it finds there.
    """
    pins = _read_pins(folder)
    if not all(map(_PIN.fullmatch, pins)):
        yield "requirements.txt names something other than pinned distributions"
    conda, environment = _read_yaml(folder / "conda.yaml"), _read_yaml(folder / "python_env.yaml")
    dependencies = conda.get("dependencies", [])
    tools = [entry for entry in dependencies if not isinstance(entry, dict)]
    lists = [entry for entry in dependencies if isinstance(entry, dict)]
    if (
        not set(conda) <= {"name", "channels", "dependencies"}
        or conda.get("channels", []) not in (["conda-forge"], ["defaults"], [])
        or not all(_TOOL_PIN.fullmatch(str(tool)) for tool in tools)
        or any(set(entry) != {"pip"} or sorted(entry["pip"]) != sorted(pins) for entry in lists)
    ):
        yield "conda.yaml names something other than the distributions of requirements.txt"
    if (
        not set(environment) <= {"python", "build_dependencies", "dependencies"}
        or not all(_TOOL_PIN.fullmatch(str(tool)) for tool in environment.get("build_dependencies", []))
        or environment.get("dependencies", []) not in (["-r requirements.txt"], [])
    ):
        yield "python_env.yaml names something other than the distributions of requirements.txt"


def _find_changed_files(folder: Path, mlmodel: Mapping[str, Any]) -> Iterator[str]:
    """Yield the files that differ from the manifest. Versions that are older than manifests have none."""
    digest = (mlmodel.get("metadata") or {}).get(MANIFEST_ENTRY)
    if digest is None and not (folder / MANIFEST_PATH).exists():
        return
    manifest = VersionManifest.read(folder)
    if manifest is None or hash_file(folder / MANIFEST_PATH) != digest:
        yield f"{MANIFEST_PATH} is missing or was changed"
        return
    if sorted(manifest.requirements) != sorted(_read_pins(folder)):
        yield "requirements.txt was changed"
    present = {
        name: path
        for path in folder.rglob("*")
        if is_logged(path) and (name := path.relative_to(folder).as_posix()) not in _WRITTEN_BY_MLFLOW
    }
    own = {MANIFEST_PATH.as_posix(), SIGNATURE_PATH.as_posix()}
    yield from (f"{name} was added" for name in sorted(present.keys() - manifest.files.keys() - own))
    for name, expected in manifest.files.items():
        if name not in present:
            yield f"{name} is missing"
        elif hash_file(present[name]) != expected:
            yield f"{name} was changed"


def _read_pins(folder: Path) -> list[str]:
    """Return the lines of the version's requirements; none when there is no such file."""
    file = folder / "requirements.txt"
    return [line for line in file.read_text("utf-8").split("\n") if line] if file.is_file() else []


def _read_yaml(file: Path) -> dict[str, Any]:
    """Return a YAML file's content; an entry that no such file has when it cannot be read."""
    if not file.is_file():
        return {}
    try:
        content = yaml.safe_load(file.read_text("utf-8"))
    except (ValueError, yaml.YAMLError):
        content = None
    return content if isinstance(content, dict) else {"unreadable": True}
