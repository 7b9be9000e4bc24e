"""Import paths: the objects, distributions and files that they name."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.config import import_paths
from model.config.import_paths import find_distributions, is_own_package, load_object, locate_package, read_code
from model.errors import ProfileError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a folder from which modules are imported; those of it are forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    modules = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - modules:
        if name.partition(".")[0].startswith("words_of_"):
            del sys.modules[name]


def write_files(folder: Path, contents: dict[str, str]) -> None:
    """Write files below ``folder``, by their paths."""
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")


def test_path_names_an_object_or_its_attribute() -> None:
    assert load_object("json:loads") is json.loads
    assert load_object("json.decoder:JSONDecoder") is json.JSONDecoder
    assert load_object("json:JSONDecoder.decode") is json.JSONDecoder.decode


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("json", "json is not an import path; write it as package.module:name"),
        ("json.loads", "json.loads is not an import path; write it as package.module:name"),
        ("json:", "json: is not an import path; write it as package.module:name"),
        ("", " is not an import path; write it as package.module:name"),
        ("json:lods", "json has no lods; write the path as package.module:name"),
        ("json:loads.x", "json has no loads.x; write the path as package.module:name"),
        (
            "nowhere.chains:a",
            "nowhere.chains:a cannot be imported (No module named 'nowhere'); is it in this folder, or installed?",
        ),
        (
            "json.nowhere:a",
            "json.nowhere:a cannot be imported (No module named 'json.nowhere'); is it in this folder, or installed?",
        ),
    ],
)
def test_path_without_an_object_is_explained(path: str, message: str) -> None:
    with pytest.raises(ProfileError) as error:
        load_object(path)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("path", "distributions", "own"),
    [
        ("yaml.nodes:Node", {"PyYAML"}, False),
        ("json.decoder:JSONDecoder", set(), False),
        ("words_of_mine.chains:CHAIN", set(), True),
    ],
)
def test_own_package_is_neither_installed_nor_of_python(path: str, distributions: set[str], own: bool) -> None:
    assert find_distributions(path) == distributions
    assert is_own_package(path) is own


def test_package_is_its_folder_and_module_its_file(folder: Path) -> None:
    write_files(folder, {"words_of_package/__init__.py": "", "words_of_space/part.py": "", "words_of_file.py": ""})
    assert locate_package("words_of_package.inner:a") == folder / "words_of_package"
    assert locate_package("words_of_space.part:a") == folder / "words_of_space"
    assert locate_package("words_of_file:a") == folder / "words_of_file.py"
    with pytest.raises(ProfileError) as error:
        locate_package("words_of_nobody.inner:a")
    assert str(error.value) == "there is no package words_of_nobody; is it in this folder, or installed?"


def test_code_of_package_has_no_bytecode_and_hidden_files(tmp_path: Path) -> None:
    package = tmp_path / "words"
    names = ("b.py", "a/z.txt", "a.py", ".secret", "a/.git/config", "__pycache__/a.pyc", "__pycache__/a.txt", "old.pyc")
    write_files(package, {name: name for name in names})
    assert list(read_code(package).items()) == [
        ("words/a/z.txt", b"a/z.txt"),
        ("words/a.py", b"a.py"),
        ("words/b.py", b"b.py"),
    ]
    assert read_code(package / "b.py") == {"b.py": b"b.py"}


@pytest.mark.parametrize(
    ("file", "imported"),
    [("words_of_copy/__init__.py", "words_of_copy"), ("words_of_copy.py", "words_of_copy.py")],
)
def test_other_code_than_the_logged_one_is_refused(
    file: str, imported: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(folder, {file: "WORD = 1\n"})
    monkeypatch.setattr(import_paths, "LOGGED_CODE", folder / "logged")
    assert load_object("words_of_copy:WORD") == 1
    write_files(folder / "logged", {file: "WORD = 1\n"})
    assert load_object("words_of_copy:WORD") == 1
    write_files(folder / "logged", {file: "WORD = 2\n"})
    with pytest.raises(ProfileError) as error:
        load_object("words_of_copy:WORD")
    assert str(error.value) == (
        f"another words_of_copy is imported already, from {folder / imported}, and this version was logged with other "
        "code in it; load the version in a process of its own, or from another folder"
    )


def test_namespace_package_is_compared_with_the_logged_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(folder, {"words_of_space/part.py": "WORD = 1\n", "logged/words_of_space/part.py": "WORD = 2\n"})
    monkeypatch.setattr(import_paths, "LOGGED_CODE", folder / "logged")
    with pytest.raises(ProfileError, match=r"^another words_of_space is imported already, from .*/words_of_space, and"):
        load_object("words_of_space.part:WORD")


def test_package_in_the_logged_folder_itself_is_accepted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(folder, {"words_of_version/__init__.py": "WORD = 3\n"})
    monkeypatch.setattr(import_paths, "LOGGED_CODE", folder)
    assert load_object("words_of_version:WORD") == 3
