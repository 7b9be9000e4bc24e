"""Whatever is changed in a saved version is found before anything in the version is executed."""

import json
import py_compile
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from commandline.saved_version import find_changes, is_own_version, require_unchanged
from commandline.version_manifest import MANIFEST_PATH, SIGNATURE_PATH, list_packages
from model.errors import CommandError
from tests.fixtures import ROOT
from training.packaging.log_model import log_model

Change = Callable[[Path], object]


def package_of(folder: Path) -> Path:
    return folder / "code" / list_packages(folder / "code")[0]


def append(path: str, text: str = "\n# changed\n") -> Change:
    """Return a change that appends to a file; ``CODE`` stands for the version's package."""

    def change(folder: Path) -> None:
        file = folder / path.replace("CODE", f"code/{package_of(folder).name}")
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as content:
            content.write(text)

    return change


def edit_mlmodel(**entries: Any) -> Change:
    """Return a change that sets entries of the flavor in MLmodel."""

    def change(folder: Path) -> None:
        mlmodel = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))
        mlmodel["flavors"]["python_function"] |= entries
        (folder / "MLmodel").write_text(yaml.safe_dump(mlmodel), "utf-8")

    return change


def drop_fingerprint(folder: Path) -> None:
    mlmodel = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))
    del mlmodel["metadata"]["fingerprint"]
    (folder / "MLmodel").write_text(yaml.safe_dump(mlmodel), "utf-8")


def add_flavor(folder: Path) -> None:
    mlmodel = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))
    mlmodel["flavors"]["sklearn"] = {"pickled_model": "model.pkl"}
    (folder / "MLmodel").write_text(yaml.safe_dump(mlmodel), "utf-8")


def plant_bytecode(folder: Path) -> None:
    """Plant a compiled file that Python executes without a look at its source (PEP 552)."""
    evil = folder.parent / "evil.py"
    evil.write_text("raise SystemExit('executed')\n", "utf-8")
    target = package_of(folder) / "__pycache__" / f"pyfunc.{sys.implementation.cache_tag}.pyc"
    py_compile.compile(str(evil), str(target), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def plant_orphan(folder: Path) -> None:
    plant_bytecode(folder)
    cache = package_of(folder) / "__pycache__"
    name = f".{sys.implementation.cache_tag}.pyc"
    (cache / f"pyfunc{name}").rename(cache / f"added{name}")


def link_outside(folder: Path) -> None:
    (folder / "artifacts" / "index" / "chunks.jsonl").unlink()
    (folder / "artifacts" / "index" / "chunks.jsonl").symlink_to("/etc/hostname")


def replace_requirement(folder: Path) -> None:
    for name in ("requirements.txt", "conda.yaml"):
        file = folder / name
        file.write_text(file.read_text("utf-8").replace("click==", "clack=="), "utf-8")


CHANGES: dict[str, tuple[Change, str]] = {
    "code": (append("CODE/pipeline.py"), "the files of multichain_"),
    "prompt": (append("CODE/prompts/answer.txt"), "the files of multichain_"),
    "module beside the package": (append("code/mlflow.py", "raise SystemExit"), "the files of multichain_"),
    "entry": (append("entry.py", "import os\n"), "entry.py was changed"),
    "loader": (edit_mlmodel(loader_module="antigravity"), "MLmodel has another loader_module than mlflow.pyfunc."),
    "pickle": (edit_mlmodel(python_model="model.pkl"), "MLmodel has the entry python_model, of which versions have"),
    "code path": (edit_mlmodel(code="../elsewhere"), "MLmodel has another code than code"),
    "entry's path": (edit_mlmodel(model_code_path="/x/evil.py"), "MLmodel has another model_code_path than entry.py"),
    "environment": (edit_mlmodel(env={"conda": "/x.yaml"}), "MLmodel has another env than {'conda': 'conda.yaml'"),
    "artifact above": (
        edit_mlmodel(artifacts={"index": {"path": "artifacts/../.."}}),
        "MLmodel has a path of the artifact index outside artifacts/",
    ),
    "artifact elsewhere": (
        edit_mlmodel(artifacts={"index": {"path": "/etc"}}),
        "MLmodel has a path of the artifact index outside artifacts/",
    ),
    "no fingerprint": (drop_fingerprint, "code/ does not hold the one package that MLmodel names"),
    "flavor": (add_flavor, "MLmodel does not describe the flavor python_function alone"),
    "MLmodel": (lambda folder: (folder / "MLmodel").write_text("{", "utf-8"), "MLmodel does not describe the flavor"),
    "bytecode": (plant_bytecode, "code/multichain_"),
    "bytecode without a source": (plant_orphan, "code/multichain_"),
    "link": (link_outside, "artifacts/index/chunks.jsonl is a link, of which versions have none"),
    "index": (append("artifacts/index/chunks.jsonl"), "artifacts/index/chunks.jsonl was changed"),
    "added file": (append("artifacts/index/extra.txt"), "artifacts/index/extra.txt was added"),
    "missing file": (
        lambda folder: (folder / "artifacts/index/index.faiss").unlink(),
        "artifacts/index/index.faiss is missing",
    ),
    "manifest": (append(str(MANIFEST_PATH)), f"{MANIFEST_PATH} is missing or was changed"),
    "no manifest": (lambda folder: (folder / MANIFEST_PATH).unlink(), f"{MANIFEST_PATH} is missing or was changed"),
    "requirement": (replace_requirement, "requirements.txt was changed"),
    "index of packages": (
        append("requirements.txt", "\n--index-url https://x.example\n"),
        "requirements.txt names something other than pinned distributions",
    ),
    "channel": (
        append("conda.yaml", "variables: {LD_PRELOAD: x}\n"),
        "conda.yaml names something other than the distributions of requirements.txt",
    ),
    "build": (
        lambda folder: (folder / "python_env.yaml").write_text("build_dependencies: ['evil @ https://x']", "utf-8"),
        "python_env.yaml names something other than the distributions of requirements.txt",
    ),
}


@pytest.fixture
def version(logged: str, tmp_path: Path) -> Path:
    """Return the folder of a copy of the version."""
    folder = tmp_path / "version"
    shutil.copytree(mlflow.artifacts.download_artifacts(logged), folder)
    return folder


def make_key(folder: Path, name: str) -> tuple[Path, Path]:
    """Write a private and a public key, and return their files."""
    key = Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


def test_version_as_it_was_logged_has_no_changes(version: Path) -> None:
    assert is_own_version(version)
    assert list(find_changes(version)) == []
    require_unchanged(version)


def test_version_that_python_compiled_has_no_changes(version: Path) -> None:
    environment = {"PYTHONDONTWRITEBYTECODE": "", "PATH": ""}
    for level in ("", "-O", "-OO"):
        command = [sys.executable, *filter(None, [level]), "-m", "compileall", "-q", str(version / "code")]
        subprocess.run(command, env=environment, check=True)
    assert len(list(version.rglob("*.pyc"))) > 200
    assert list(find_changes(version)) == []


def test_bytecode_of_another_python_is_never_executed_and_left_alone(version: Path) -> None:
    cache = package_of(version) / "__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "pyfunc.cpython-399.pyc").write_bytes(b"\x01\x02\r\n" + bytes(30))
    assert list(find_changes(version)) == []


@pytest.mark.parametrize("name", CHANGES)
def test_change_is_found_before_anything_is_executed(name: str, version: Path) -> None:
    change, sentence = CHANGES[name]
    change(version)
    assert any(problem.startswith(sentence) for problem in find_changes(version)), list(find_changes(version))
    with pytest.raises(CommandError, match="is not what was logged, so nothing in it was executed: "):
        require_unchanged(version)


def test_planted_bytecode_is_named(version: Path) -> None:
    plant_bytecode(version)
    (change,) = find_changes(version)
    assert change.endswith(".pyc is not compiled from the source beside it")


def test_version_older_than_manifests_is_checked_by_its_code(version: Path) -> None:
    mlmodel = yaml.safe_load((version / "MLmodel").read_text("utf-8"))
    del mlmodel["metadata"]["manifest"], mlmodel["flavors"]["python_function"]["artifacts"]["manifest"]
    (version / "MLmodel").write_text(yaml.safe_dump(mlmodel), "utf-8")
    shutil.rmtree((version / MANIFEST_PATH).parent)
    assert list(find_changes(version)) == []
    append("CODE/pipeline.py")(version)
    assert len(list(find_changes(version))) == 1


def test_foreign_model_is_not_checked_unless_a_signature_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {python_function: {loader_module: mine}}", "utf-8")
    assert not is_own_version(tmp_path)
    assert list(find_changes(tmp_path)) == []
    _, public = make_key(tmp_path, "team")
    assert list(find_changes(tmp_path, public)) == ["it was not logged by this project, so it has no signature"]


def test_signature_is_by_one_key_over_all_files(index_folder: Path, store: Path, tmp_path: Path) -> None:
    assert store.is_dir()
    private, public = make_key(tmp_path, "team")
    _, foreign_key = make_key(tmp_path, "stranger")
    folder = tmp_path / "version"
    uri = log_model("offline", index_folder, signing_key=private)
    shutil.copytree(mlflow.artifacts.download_artifacts(uri), folder)
    assert list(find_changes(folder, public)) == []
    assert list(find_changes(folder, foreign_key)) == [f"its signature is not by the key of {foreign_key}"]
    # whoever can write all files can write a manifest that fits, but no signature
    append("artifacts/index/extra.txt")(folder)
    manifest = json.loads((folder / MANIFEST_PATH).read_text("utf-8"))
    manifest["files"]["artifacts/index/extra.txt"] = "0" * 64
    (folder / MANIFEST_PATH).write_text(json.dumps(manifest), "utf-8")
    assert f"its signature is not by the key of {public}" in list(find_changes(folder, public))
    (folder / SIGNATURE_PATH).unlink()
    assert "it is not signed; training log --sign KEY signs a version" in list(find_changes(folder, public))


def test_key_of_another_kind_is_refused_with_the_command_that_makes_one(
    index_folder: Path, version: Path, tmp_path: Path
) -> None:
    other_kind = tmp_path / "x25519.pem"
    other_kind.write_bytes(X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for key in (tmp_path / "missing.pem", other_kind, ROOT / "README.md"):
        with pytest.raises(CommandError, match=r"openssl genpkey -algorithm ed25519 -out FILE makes one"):
            log_model("offline", index_folder, signing_key=key)
        with pytest.raises(CommandError, match=r"openssl pkey -in KEY -pubout -out FILE makes one"):
            list(find_changes(version, key))
