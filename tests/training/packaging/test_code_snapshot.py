"""The copy of a version's code has the name of its digest, and contains what the version needs."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from commandline.version_manifest import CODE_PREFIX, compute_code_digest
from model.errors import ProfileError
from tests.fixtures import PROFILE
from training.packaging.code_snapshot import (
    CODE_FOLDER,
    compute_fingerprint,
    copy_code,
)

RUNNABLE_STAGE = "  mine: {kind: runnable, runnable: 'borrowed_words.chains:shout', inputs: {input: text}}\n"


@pytest.fixture
def user_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the path of a profile that names a package beside it."""
    package = tmp_path / "borrowed_words"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "chains.py").write_text("def shout(input):\n    return input.upper()\n", "utf-8")
    (package / "words.txt").write_text("loud", "utf-8")
    (package / ".hidden").write_text("secret", "utf-8")
    (package / "__pycache__" / "chains.cpython-311.pyc").write_bytes(b"0")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "talk.yml").write_text(PROFILE + RUNNABLE_STAGE, "utf-8")
    return str(tmp_path / "talk.yml")


def list_files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def copy_into(folder: Path, profile: str, **runnables: Any) -> tuple[str, Path, list[Path]]:
    folder.mkdir()
    return copy_code(profile, folder, runnables)


def test_copy_of_a_shipped_profile_is_the_code_and_an_entry(tmp_path: Path) -> None:
    name, entry, files = copy_into(tmp_path / "code", "offline")
    assert name == CODE_PREFIX + compute_fingerprint("offline")
    assert (entry, files) == (tmp_path / "code" / "entry.py", [tmp_path / "code" / name])
    assert entry.read_text("utf-8") == f'from {name}.pyfunc import serve\nserve("offline")\n'
    own_files = [file for file in list_files(CODE_FOLDER) if "__pycache__" not in file]
    assert list_files(tmp_path / "code") == sorted(["entry.py", *(f"{name}/{file}" for file in own_files)])
    assert (files[0] / "pyfunc.py").read_bytes() == (CODE_FOLDER / "pyfunc.py").read_bytes()


def test_fingerprint_is_twelve_digits_and_differs_by_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fingerprint = compute_fingerprint("offline")
    assert (len(fingerprint), int(fingerprint, 16) > 0) == (12, True)
    assert compute_fingerprint("offline") == fingerprint
    (tmp_path / "model").mkdir()
    monkeypatch.setattr("training.packaging.code_snapshot.CODE_FOLDER", tmp_path / "model")
    fingerprints = {fingerprint, compute_fingerprint("offline")}
    (tmp_path / "model" / "a.txt").write_text("b", "utf-8")
    fingerprints.add(compute_fingerprint("offline"))
    (tmp_path / "model" / "a.txt").rename(tmp_path / "model" / "c.txt")
    fingerprints.add(compute_fingerprint("offline"))
    assert len(fingerprints) == 4


def test_users_profile_is_copied_into_the_package(user_profile: str, tmp_path: Path) -> None:
    name, entry, _ = copy_into(tmp_path / "code", user_profile)
    copy = tmp_path / "code" / name / "profiles" / "talk.yaml"
    assert copy.read_bytes() == Path(user_profile).read_bytes()
    assert entry.read_text("utf-8").endswith('serve("talk")\n')


def test_users_package_is_copied_beside_the_package(user_profile: str, tmp_path: Path) -> None:
    name, _, files = copy_into(tmp_path / "code", user_profile)
    assert files == [tmp_path / "code" / name, tmp_path / "code" / "borrowed_words"]
    assert list_files(files[1]) == ["__init__.py", "chains.py", "words.txt"]


def test_fingerprint_differs_by_the_users_package(user_profile: str, tmp_path: Path) -> None:
    first = compute_fingerprint(user_profile)
    (tmp_path / "borrowed_words" / "words.txt").write_text("quiet", "utf-8")
    assert compute_fingerprint(user_profile) != first


def test_profile_with_a_missing_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "talk.yaml").write_text(PROFILE + RUNNABLE_STAGE.replace("borrowed_words", "no_words"), "utf-8")
    with pytest.raises(ProfileError, match=r"^there is no package no_words; is it in this folder, or installed\?$"):
        compute_fingerprint(str(tmp_path / "talk.yaml"))


def test_digest_of_a_copy_is_that_in_its_name(user_profile: str, tmp_path: Path) -> None:
    name, entry, _ = copy_into(tmp_path / "code", user_profile, mine=len)
    entry.unlink()  # MLflow keeps it elsewhere
    assert CODE_PREFIX + compute_code_digest(tmp_path / "code", name) == name
    (tmp_path / "code" / name / "__pycache__").mkdir()
    (tmp_path / "code" / name / "__pycache__" / "a.pyc").write_bytes(b"0")
    assert CODE_PREFIX + compute_code_digest(tmp_path / "code", name) == name


@pytest.mark.parametrize("file", ["{name}/pyfunc.py", "borrowed_words/words.txt", "{name}/added.py", "added/a.py"])
def test_digest_differs_after_a_change_of_any_file(file: str, user_profile: str, tmp_path: Path) -> None:
    name, entry, _ = copy_into(tmp_path / "code", user_profile)
    entry.unlink()
    changed_file = tmp_path / "code" / file.format(name=name)
    changed_file.parent.mkdir(exist_ok=True)
    changed_file.write_text("changed", "utf-8")
    assert CODE_PREFIX + compute_code_digest(tmp_path / "code", name) != name


def test_runnable_is_pickled_by_its_name_and_changes_the_name(tmp_path: Path) -> None:
    name, _, files = copy_into(tmp_path / "with", "offline", mine=[1, 2])
    name_without, _, _ = copy_into(tmp_path / "without", "offline")
    assert name != name_without
    assert cloudpickle.loads((files[0] / "runnables" / "mine.cloudpickle").read_bytes()) == [1, 2]
    assert not (tmp_path / "without" / name_without / "runnables").exists()


def test_module_in_the_current_folder_is_pickled_by_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "local_chain.py").write_text("def shout(text):\n    return text.upper()\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    shout = import_module("local_chain").shout
    _, _, files = copy_into(tmp_path / "code", "offline", mine=shout)
    assert cloudpickle.list_registry_pickle_by_value() == set()
    monkeypatch.delitem(sys.modules, "local_chain")
    (tmp_path / "local_chain.py").unlink()
    assert cloudpickle.loads((files[0] / "runnables" / "mine.cloudpickle").read_bytes())("a") == "A"


def test_module_outside_the_current_folder_is_pickled_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "work").mkdir()
    (tmp_path / "lib" / "distant_chain.py").write_text("def shout(text):\n    return text.upper()\n", "utf-8")
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.syspath_prepend(tmp_path / "lib")
    shout = import_module("distant_chain").shout
    _, _, files = copy_into(tmp_path / "code", "offline", mine=shout)
    monkeypatch.delitem(sys.modules, "distant_chain")
    (tmp_path / "lib" / "distant_chain.py").unlink()
    with pytest.raises(ModuleNotFoundError, match="distant_chain"):
        cloudpickle.loads((files[0] / "runnables" / "mine.cloudpickle").read_bytes())


def test_modules_are_unregistered_when_an_object_has_no_pickle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_chain.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "broken_chain", import_module("broken_chain"))
    with pytest.raises(TypeError, match="cannot pickle 'generator' object"):
        copy_into(tmp_path / "code", "offline", mine=(number for number in ()))
    assert cloudpickle.list_registry_pickle_by_value() == set()
