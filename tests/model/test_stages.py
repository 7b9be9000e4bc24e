"""Kinds of stages: their names, their classes, and modules that are no kind."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from model import stages
from model.errors import ProfileError
from model.stages import Stage, list_kinds, load_kind

KINDS = ["chat", "image_generation", "retrieval_qa", "runnable"]
STAGE_CLASS = "class {}(Stage):\n    async def run(self, values, emit):\n        return values\n\n\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a further folder with kinds, whose modules are forgotten afterwards."""
    monkeypatch.setattr(stages, "__path__", [*stages.__path__, str(tmp_path)])
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("model.stages.kind_")]:
        del sys.modules[name]


def test_kinds_are_the_modules_of_the_package_but_base() -> None:
    assert list_kinds() == KINDS


@pytest.mark.parametrize(
    ("name", "class_name"),
    [
        ("chat", "ChatStage"),
        ("image_generation", "ImageGeneration"),
        ("retrieval_qa", "RetrievalQA"),
        ("runnable", "RunnableStage"),
    ],
)
def test_kind_is_the_class_of_its_module(name: str, class_name: str) -> None:
    kind = load_kind(name)
    assert (kind.__name__, kind.__module__) == (class_name, f"model.stages.{name}")
    assert issubclass(kind, Stage)


@pytest.mark.parametrize("name", ["base", "nowhere", "", "Chat"])
def test_unknown_kind_raises_the_names_of_all(name: str) -> None:
    with pytest.raises(ProfileError) as error:
        load_kind(name)
    assert str(error.value) == f"there is no kind of that name; use one of {', '.join(KINDS)}"


def test_new_module_with_a_class_is_a_kind(folder: Path) -> None:
    helper = "class Helper:\n    pass\n"
    (folder / "kind_of_mine.py").write_text(
        f"from model.stages import Stage\n\n\n{STAGE_CLASS.format('Mine')}{helper}", "utf-8"
    )
    assert list_kinds() == ["chat", "image_generation", "kind_of_mine", "retrieval_qa", "runnable"]
    assert load_kind("kind_of_mine").__name__ == "Mine"


@pytest.mark.parametrize("classes", [[], ["First", "Second"]])
def test_module_without_exactly_one_class_is_refused(classes: list[str], folder: Path) -> None:
    name = f"kind_with_{len(classes)}_classes"
    text = "".join(map(STAGE_CLASS.format, classes))
    (folder / f"{name}.py").write_text(f"from model.stages import Stage\n\n\n{text}", "utf-8")
    with pytest.raises(ProfileError) as error:
        load_kind(name)
    assert (
        str(error.value) == f"model/stages/{name}.py defines {len(classes)} stages; a kind is a module with one class"
    )
